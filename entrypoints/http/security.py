"""The security schemes of OpenAPI."""

from __future__ import annotations

from litestar.openapi.spec import Components, SecurityRequirement, SecurityScheme

SCHEMES = Components(
    security_schemes={
        "bearer": SecurityScheme(
            type="http",
            scheme="bearer",
            description="An access token of this service, or an ID token of the identity provider.",
        )
    }
)
USERS: list[SecurityRequirement] = [{"bearer": []}]
LINK_HOLDERS: list[SecurityRequirement] = [{"bearer": []}, {}]
ANYONE: list[SecurityRequirement] = [{}, {"bearer": []}]
