"""Against a real LiteLLM proxy; skipped where none is installed: see scripts/litellm.sh."""
