"""The same change, once by the real `databricks-sdk` and once by a statement: the same requests.

Both clients speak to one sandbox, which begins anew before each of them with the same objects. What the server's log has of the one must be what it has of the other:
verb, path, query and body of every request. A write that reads first, sends twice, spells
a field differently or fills in what nobody asked for is a difference.

Run by `cargo xtask test`. By hand: `STRATAQL_BIN=…/strataql python e2e/python/sdk_parity.py`.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any, Callable, NamedTuple

from databricks.sdk import AccountClient
from databricks.sdk.core import Config
from databricks.sdk.service.oauth2 import FederationPolicy, OidcFederationPolicy, TokenAccessPolicy

from support import environment
from support.checks import Checks
from support.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox

PROVIDER = "databricks_account"
ACCOUNT = "a1"
PRINCIPAL = 4711
RESOURCES = 6

# ids that the statements can name; the server has the objects on whatever host it is asked
IDS = ["one", "two"]
SCENARIO = f"""\
rows: 3
objects:
  {PROVIDER}.oauth2.published_app_integration:
  - {{account_id: {ACCOUNT}, integration_id: one}}
  {PROVIDER}.oauth2.custom_app_integration:
  - {{account_id: {ACCOUNT}, integration_id: one}}
  - {{account_id: {ACCOUNT}, integration_id: two}}
  {PROVIDER}.oauth2.account_federation_policy:
  - {{account_id: {ACCOUNT}, policy_id: one}}
  {PROVIDER}.oauth2.service_principal_federation_policy:
  - {{account_id: {ACCOUNT}, service_principal_id: {PRINCIPAL}, policy_id: one}}
  {PROVIDER}.oauth2.service_principal_secrets:
  - {{account_id: {ACCOUNT}, service_principal_id: '{PRINCIPAL}', id: one}}
"""


class Change(NamedTuple):
    """What is changed, by a call of the SDK and by a statement."""

    resource: str
    name: str
    call: Callable[[AccountClient], Any]
    sql: str


def statement(resource: str, sql: str) -> str:
    """`{}` of a statement is its resource."""
    return sql.replace("{}", f"{PROVIDER}.oauth2.{resource}")


def published() -> list[Change]:
    """The apps of the published catalogue that an account lets in."""
    resource = "published_app_integration"
    policy = TokenAccessPolicy(
        access_token_ttl_in_minutes=60, refresh_token_ttl_in_minutes=10080
    )
    where = f"WHERE account_id = '{ACCOUNT}' AND integration_id = '{IDS[0]}'"
    return [
        Change(
            resource,
            "create",
            lambda sdk: sdk.published_app_integration.create(
                app_id="power-bi", token_access_policy=policy
            ),
            f"""INSERT INTO {{}} (account_id, app_id, token_access_policy)
            VALUES ('{ACCOUNT}', 'power-bi', '{{"access_token_ttl_in_minutes": 60,
                    "refresh_token_ttl_in_minutes": 10080}}')""",
        ),
        Change(
            resource,
            "create with nothing but an app",
            lambda sdk: sdk.published_app_integration.create(app_id="tableau"),
            f"INSERT INTO {{}} (account_id, data__app_id) VALUES ('{ACCOUNT}', 'tableau')",
        ),
        Change(
            resource,
            "update of a nested field",
            lambda sdk: sdk.published_app_integration.update(
                IDS[0], token_access_policy=TokenAccessPolicy(access_token_ttl_in_minutes=30)
            ),
            f"UPDATE {{}} SET token_access_policy.access_token_ttl_in_minutes = 30 {where}",
        ),
        Change(
            resource,
            "delete",
            lambda sdk: sdk.published_app_integration.delete(IDS[0]),
            f"DELETE FROM {{}} {where}",
        ),
    ]


def custom() -> list[Change]:
    """Apps of the account's own."""
    resource = "custom_app_integration"
    where = f"WHERE account_id = '{ACCOUNT}' AND integration_id = '{IDS[0]}'"
    urls = ["https://reports.example/callback", "https://b.example/?a=b&c=ä"]
    return [
        Change(
            resource,
            "create",
            lambda sdk: sdk.custom_app_integration.create(
                confidential=True,
                name="Anna's \"reports\" ☃",
                redirect_urls=urls,
                scopes=["sql", "offline_access"],
                token_access_policy=TokenAccessPolicy(access_token_ttl_in_minutes=60),
            ),
            f"""INSERT INTO {{}}
              (account_id, confidential, name, redirect_urls, scopes,
               token_access_policy)
            SELECT '{ACCOUNT}', true, 'Anna''s "reports" ☃',
              '["{urls[0]}", "{urls[1]}"]', '["sql", "offline_access"]',
              '{{"access_token_ttl_in_minutes": 60}}'""",
        ),
        Change(
            resource,
            "update of lists",
            lambda sdk: sdk.custom_app_integration.update(
                IDS[0], scopes=["sql"], user_authorized_scopes=["sql"], redirect_urls=urls[:1]
            ),
            f"""UPDATE {{}} SET scopes = '["sql"]', user_authorized_scopes = '["sql"]',
            redirect_urls = '["{urls[0]}"]' {where}""",
        ),
        Change(
            resource,
            "delete",
            lambda sdk: sdk.custom_app_integration.delete(IDS[0]),
            f"DELETE FROM {{}} {where}",
        ),
        Change(
            resource,
            "delete of several",
            lambda sdk: [sdk.custom_app_integration.delete(one) for one in IDS],
            f"""DELETE FROM {{}} WHERE account_id = '{ACCOUNT}'
            AND integration_id IN ('{IDS[0]}', '{IDS[1]}')""",
        ),
    ]


def catalogue() -> list[Change]:
    """The catalogue cannot be changed; what remains is to read it."""
    return [
        Change(
            "oauth_published_apps",
            "list",
            lambda sdk: list(sdk.o_auth_published_apps.list()),
            f"SELECT app_id FROM {{}} WHERE account_id = '{ACCOUNT}'",
        )
    ]


def federation(resource: str, *parent: int) -> list[Change]:
    """Policies of an account or, with a parent, of a service principal."""
    scope = f"account_id = '{ACCOUNT}'"
    columns, values = "account_id", f"'{ACCOUNT}'"
    if parent:
        scope += f" AND service_principal_id = {parent[0]}"
        columns, values = f"{columns}, service_principal_id", f"{values}, {parent[0]}"
    where = f"WHERE {scope} AND policy_id = '{IDS[0]}'"

    def api(sdk: AccountClient) -> Any:
        return sdk.service_principal_federation_policy if parent else sdk.federation_policy

    oidc = OidcFederationPolicy(
        audiences=["strataql"],
        issuer="https://tokens.example",
        subject="repo:own/app",
        subject_claim="sub",
    )
    described = FederationPolicy(description="builds", oidc_policy=oidc)
    text = """{"audiences": ["strataql"], "issuer": "https://tokens.example",
              "subject": "repo:own/app", "subject_claim": "sub"}"""
    changed = FederationPolicy(
        description="deploys", oidc_policy=OidcFederationPolicy(issuer="https://other.example")
    )
    return [
        Change(
            resource,
            "create",
            lambda sdk: api(sdk).create(*parent, described),
            f"INSERT INTO {{}} ({columns}, description, oidc_policy) "
            f"VALUES ({values}, 'builds', '{text}')",
        ),
        Change(
            resource,
            "create with an id",
            lambda sdk: api(sdk).create(*parent, described, policy_id="builds"),
            f"INSERT INTO {{}} ({columns}, policy_id, description, oidc_policy) "
            f"VALUES ({values}, 'builds', 'builds', '{text}')",
        ),
        Change(
            resource,
            "update with a mask of what is set",
            lambda sdk: api(sdk).update(
                *parent, IDS[0], changed, update_mask="description,oidc_policy.issuer"
            ),
            f"UPDATE {{}} SET description = 'deploys', "
            f"oidc_policy.issuer = 'https://other.example' {where}",
        ),
        Change(
            resource,
            "update with a mask of one's own",
            lambda sdk: api(sdk).update(*parent, IDS[0], changed, update_mask="description"),
            f"UPDATE {{}} SET description = 'deploys', update_mask = 'description', "
            f"oidc_policy.issuer = 'https://other.example' {where}",
        ),
        Change(
            resource,
            "delete",
            lambda sdk: api(sdk).delete(*parent, IDS[0]),
            f"DELETE FROM {{}} {where}",
        ),
    ]


def secrets() -> list[Change]:
    """Secrets of a service principal."""
    resource = "service_principal_secrets"
    scope = f"account_id = '{ACCOUNT}' AND service_principal_id = '{PRINCIPAL}'"
    return [
        Change(
            resource,
            "create",
            lambda sdk: sdk.service_principal_secrets.create(str(PRINCIPAL), lifetime="3600s"),
            "INSERT INTO {} (account_id, service_principal_id, lifetime) "
            f"VALUES ('{ACCOUNT}', '{PRINCIPAL}', '3600s') RETURNING id",
        ),
        Change(
            resource,
            "create with the service's defaults",
            lambda sdk: sdk.service_principal_secrets.create(str(PRINCIPAL)),
            "INSERT INTO {} (account_id, service_principal_id) "
            f"VALUES ('{ACCOUNT}', '{PRINCIPAL}')",
        ),
        Change(
            resource,
            "delete",
            lambda sdk: sdk.service_principal_secrets.delete(str(PRINCIPAL), IDS[0]),
            f"DELETE FROM {{}} WHERE {scope} AND secret_id = '{IDS[0]}'",
        ),
    ]


def changes() -> list[Change]:
    """Every change."""
    return [
        *published(),
        *custom(),
        *catalogue(),
        *federation("account_federation_policy"),
        *federation("service_principal_federation_policy", PRINCIPAL),
        *secrets(),
    ]


def connect(url: str) -> AccountClient:
    """The SDK's account client; the server forgets tokens when it begins anew, and this asks anew."""
    config = Config(
        host=url,
        account_id=ACCOUNT,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        auth_type="oauth-m2m",
        retry_timeout_seconds=10,
    )
    return AccountClient(config=config)


def run(binary: str, home: Path, url: str, sql: str) -> None:
    """Runs a statement with the binary under test."""
    variables = environment.clean(home)
    variables["DATABRICKS_ACCOUNT_ID"] = ACCOUNT
    variables["DATABRICKS_CLIENT_ID"] = CLIENT_ID
    variables["DATABRICKS_CLIENT_SECRET"] = CLIENT_SECRET
    ended = subprocess.run(
        [binary, "exec", "--endpoint", f"{PROVIDER}={url}", sql],
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if ended.returncode != 0:
        raise RuntimeError(f"exit {ended.returncode} of {sql}: {ended.stderr}")


def requests(sandbox: Sandbox) -> list[tuple[str, str, list[list[str]], Any]]:
    """What the server was asked: verb, path, query and body."""
    calls = [entry for entry in sandbox.log() if not entry["auth"]]
    parts = [(one["verb"], one["path"], sorted(one["query"]), one["body"]) for one in calls]
    # rows of one statement are written at the same time, in no order
    return sorted(parts, key=repr)


def compare(checks: Checks, sandbox: Sandbox, change: Change, act: Callable[[str], None]) -> None:
    """Both make the change; the requests of the one are those of the other."""
    name = f"{change.resource}: {change.name}"
    sandbox.reset()
    change.call(connect(sandbox.url))
    by_sdk = requests(sandbox)
    sandbox.reset()
    act(statement(change.resource, change.sql))
    by_statement = requests(sandbox)
    checks.true(f"{name}: the SDK asked for something", bool(by_sdk))
    checks.equal(name, by_statement, by_sdk)


def main() -> None:
    """Compares change after change against one server."""
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        binary = environment.binary()
        environment.enter(home)
        scenario = home / "scenario.yaml"
        scenario.write_text(SCENARIO, encoding="utf-8")
        with Sandbox(binary, home, PROVIDER, "--scenario", str(scenario)) as sandbox:
            every = changes()
            for change in every:
                with checks.section(f"{change.resource}: {change.name}"):
                    act = lambda sql: run(binary, home, sandbox.url, sql)  # noqa: E731
                    compare(checks, sandbox, change, act)
            with checks.section("resources"):
                compared = {change.resource for change in every}
                checks.equal("every resource took part", len(compared), RESOURCES)
    checks.finish()


if __name__ == "__main__":
    main()
