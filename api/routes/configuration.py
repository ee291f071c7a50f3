"""The settings that the service runs with, for administrators to read. Nothing here changes one."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import ServiceDep
from api.schemas.configuration import SettingsOut, shown_settings

router = APIRouter(prefix="/v1", tags=["settings"])


@router.get("/settings")
def read_settings(service: ServiceDep) -> SettingsOut:
    """Every setting with its value; of a secret only whether it is set."""
    return SettingsOut(settings=shown_settings(service.settings))
