"""Settings as they may be shown: no secret, and no address that carries one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import BaseModel, SecretStr

if TYPE_CHECKING:
    from api.settings import Settings

_PREFIX = "FOOTNOTE_"
_SET = "set"
# User name and password in an address, and what follows its path: both can be secrets.
_USER = re.compile(r"(?<=//)[^/@\s]*@")
_QUERY = re.compile(r"[?#].*", re.DOTALL)


class SettingOut(BaseModel):
    """One setting. ``value`` is null where it is not set; a secret that is set reads ``set``."""

    name: str
    value: str | None
    default: str | None
    is_default: bool
    is_secret: bool
    description: str


class SettingsOut(BaseModel):
    """All settings, in the order of docs/settings.md."""

    settings: list[SettingOut]


def shown_settings(settings: Settings) -> list[SettingOut]:
    """Every setting of the service, secrets masked."""
    found = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        secret = "SecretStr" in str(field.annotation)
        found.append(
            SettingOut(
                name=_PREFIX + name.upper(),
                value=_shown(value),
                default=_shown(field.default),
                is_default=value == field.default,
                is_secret=secret,
                description=field.description or "",
            )
        )
    return found


def _shown(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, SecretStr):
        return _SET
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return _QUERY.sub("", _USER.sub("…@", text)) if "://" in text else text
