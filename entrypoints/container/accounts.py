"""Accounts: identity, tokens, links and quotas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dependency_injector import containers, providers

from adapters.circuit_breaker import CircuitBreaker
from adapters.local_auth import (
    JwtTokenService,
    LocalIdentityProvider,
    load_or_create_secret,
)
from application.accounts.links import LinkSigner
from application.accounts.metering import UsageMeter
from application.accounts.sign_in_codes import SignInCodes
from application.accounts.standing import AccountStanding
from application.errors import IdentityUnavailable
from application.ports.identity_provider import IdentityProvider
from application.ports.telemetry import Telemetry
from application.ports.token_service import TokenService
from application.use_cases import accounts
from application.use_cases.end_accounts import EndAccount
from application.use_cases.history import EraseHistory
from entrypoints.container.extras import extra
from entrypoints.container.naming import named
from entrypoints.settings import BadSettings, Settings
from entrypoints.settings.accounts import AccountSettings
from entrypoints.settings.secret_strength import weakness_of

if TYPE_CHECKING:
    from adapters.firebase import FirebaseIdentityProvider


def _secret(settings: AccountSettings, path: Path) -> str:
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    try:
        secret = load_or_create_secret(path)
    except ValueError:
        raise BadSettings(f"the secret in {path} is not text") from None
    except OSError as error:
        raise BadSettings(
            f"DATA_DIR={path.parent}: {error.strerror}; a folder to write in is needed"
        ) from error
    if weakness := weakness_of(secret):
        raise BadSettings(f"the secret in {path} {weakness}")
    return secret


def _firebase_identity_provider(
    settings: AccountSettings, telemetry: Telemetry
) -> FirebaseIdentityProvider:
    """Users of a Firebase project."""
    with extra("firebase", "AUTH=firebase needs", IdentityUnavailable):
        from adapters.firebase import FirebaseIdentityProvider, open_client
    file = settings.firebase_service_account_file
    with named(
        "FIREBASE_SERVICE_ACCOUNT_B64" if file is None else f"FIREBASE_SERVICE_ACCOUNT_FILE={file}"
    ):
        client = open_client(
            service_account=settings.firebase_service_account,
            project_id=settings.firebase_project_id,
            timeout_s=settings.firebase_timeout_s,
            emulator_host=settings.firebase_auth_emulator_host,
        )
    return FirebaseIdentityProvider(
        client=client,
        timeout_s=settings.firebase_timeout_s,
        breaker=CircuitBreaker("Firebase", telemetry=telemetry),
        clock_skew_s=settings.clock_skew_seconds,
        telemetry=telemetry,
    )


class AccountsContainer(containers.DeclarativeContainer):
    """Sign-in, tokens, links and quotas."""

    settings = providers.Dependency(instance_of=Settings)
    config = settings.provided.accounts
    system = providers.DependenciesContainer()
    stores = providers.DependenciesContainer()

    secret = providers.Singleton(_secret, config, settings.provided.stores.secret_path)
    local_identity_provider = providers.Singleton(
        LocalIdentityProvider,
        secret=secret,
        clock=system.clock,
        clock_skew_s=config.clock_skew_seconds,
    )
    identity_provider: providers.Provider[IdentityProvider] = providers.Selector(
        config.auth,
        local=local_identity_provider,
        firebase=providers.Singleton(_firebase_identity_provider, config, system.telemetry),
    )
    token_service: providers.Provider[TokenService] = providers.Singleton(
        JwtTokenService,
        secret=secret,
        clock=system.clock,
        access_lifetime_s=config.access_token_lifetime_s,
        refresh_lifetime_s=config.refresh_token_lifetime_s,
        guest_lifetime_s=config.guest_window_seconds,
        clock_skew_s=config.clock_skew_seconds,
    )
    sign_in_codes = providers.Singleton(SignInCodes, clock=system.clock)
    link_signer = providers.Singleton(
        LinkSigner, secret=secret, clock=system.clock, lifetime_s=config.image_link_seconds
    )

    meter = providers.Singleton(
        UsageMeter, ledger=stores.usage_ledger, clock=system.clock, quota=config.guest_quota
    )
    standing = providers.Singleton(
        AccountStanding,
        identity=identity_provider,
        users=stores.users,
        refresh_tokens=stores.refresh_tokens,
        clock=system.clock,
        recheck_s=config.identity_recheck_seconds,
    )
    authenticate = providers.Singleton(
        accounts.Authenticate,
        identity=identity_provider,
        users=stores.users,
        tokens=token_service,
        standing=standing,
    )
    welcome_guest = providers.Singleton(
        accounts.WelcomeGuest, tokens=token_service, clock=system.clock
    )
    sign_in = providers.Singleton(
        accounts.SignIn,
        identity=identity_provider,
        users=stores.users,
        refresh_tokens=stores.refresh_tokens,
        tokens=token_service,
        standing=standing,
        meter=meter,
    )
    sign_in_by_code = providers.Singleton(
        accounts.SignInByCode, codes=sign_in_codes, sign_in=sign_in
    )
    renew_sign_in = providers.Singleton(
        accounts.RenewSignIn,
        refresh_tokens=stores.refresh_tokens,
        tokens=token_service,
        standing=standing,
        clock=system.clock,
        grace_s=config.refresh_grace_seconds,
    )

    end_account = providers.Factory(
        EndAccount,
        users=stores.users,
        refresh_tokens=stores.refresh_tokens,
        ledger=stores.usage_ledger,
        erase_history=providers.Factory(
            EraseHistory,
            repository=stores.repository,
            spool=stores.spool_of_the_service,
            images=stores.images,
            erase_videos=stores.erase_videos,
            retry_schedule=stores.retry_schedule,
        ),
        clock=system.clock,
    )
