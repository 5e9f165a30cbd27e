"""Print the JSON schema of the configuration: `python -m glab.config > config/schema.json`."""

from __future__ import annotations

import json

from glab.config import Config


def schema() -> str:
    """Return the JSON schema of a configuration, for editors, as text."""
    return json.dumps(Config.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema(), end="")
