"""The client for language models behind OpenAI-compatible gateways: see docs/gateway.md."""

from rag.gateway.client import Gateway
from rag.gateway.wire import Completion, Delta, Usage

__all__ = ["Completion", "Delta", "Gateway", "Usage"]
