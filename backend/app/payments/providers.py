"""The payment providers that a configuration names, each by the adapter of its kind."""

from backend.adapters.payments.bank_gateway import BankGateway
from backend.adapters.payments.zarinpal import Zarinpal
from backend.app.config import PaymentsConfig, ProviderConfig
from backend.core.errors import KeyMissing
from backend.core.payments.port import PaymentProvider


def make_providers(config: PaymentsConfig | None) -> dict[str, PaymentProvider]:
    """By their names; none where none is configured. Raises KeyMissing."""
    return {} if config is None else {name: _provider(name, it) for name, it in config.all.items()}


def _provider(name: str, config: ProviderConfig) -> PaymentProvider:
    merchant = _merchant(config)
    if config.kind == "zarinpal":
        return Zarinpal(config.provider, merchant, config.timeout_s)
    if not (merchant.isascii() and merchant.isdecimal()):
        raise KeyMissing(
            f"the merchant of payment provider {name} is no terminal number", fix="give the number that the bank gave"
        )
    return BankGateway(config.provider, merchant, config.timeout_s)


def _merchant(config: ProviderConfig) -> str:
    """Never told to anybody but the provider."""
    file = config.merchant_file
    if file is None:
        return config.merchant
    try:
        merchant = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyMissing(
            f"{file} cannot be read", fix="put there what the payment provider knows the city by"
        ) from error
    if not merchant:
        raise KeyMissing(f"{file} is empty", fix="put there what the payment provider knows the city by")
    return merchant
