"""Other systems that steps call."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from journey_engine import endpoint
from journey_engine.channel_settings import CallTime, variable_name
from journey_engine.language import Flag, Word
from journey_engine.times import Duration


class Endpoint(Word):
    """Another system that `webhook` steps call; the secret is read from the environment, never from YAML.

    ```yaml
    webhooks: {crm: {url: https://crm.example.com/hooks/journeys, secret_env: CRM_WEBHOOK_SECRET}}
    ```
    """

    url: str = Field(pattern=r"^https?://[^\s]+$", description="Where the calls go; https, and a public address")
    secret_env: str = Field(description="The environment variable that holds the signing secret")
    timeout: CallTime = Field(
        default=Duration(0, 10), validate_default=True, description="How long a whole call may take"
    )
    allow_private: Flag = Field(
        False, description="It is in your own network: private addresses are called too, and without https"
    )

    @field_validator("secret_env")
    @classmethod
    def _name(cls, value: str) -> str:
        return variable_name(value, "CRM_WEBHOOK_SECRET")

    @model_validator(mode="after")
    def _callable(self) -> Endpoint:
        problem = endpoint.mistake(self.url, self.allow_private)
        if problem:
            raise ValueError(problem)
        return self
