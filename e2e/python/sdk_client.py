"""The real `databricks-sdk` as a client of the sandbox.

The sandbox is made from our provider document, and so is our own client: a mistake in the
document would be invisible to both. The SDK is somebody else's reading of the same API. Here its
account client signs in with OAuth and walks through every resource of the `oauth2` service: lists
over several pages, creates, reads, updates, reads again, deletes, and is told afterwards that the
object is gone. At the end the server's request log has to be, line by line, the calls that a
person expects of such a walk.

Run by `cargo xtask test`. By hand: `STRATAQL_BIN=…/strataql python e2e/python/sdk_client.py`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Callable

from databricks.sdk import AccountClient
from databricks.sdk.core import Config
from databricks.sdk.errors import BadRequest, NotFound, ResourceConflict
from databricks.sdk.service.oauth2 import FederationPolicy, OidcFederationPolicy, TokenAccessPolicy
from databricks.sdk.version import __version__

from support import environment
from support.checks import Checks
from support.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox

ACCOUNT = "a1"
PRINCIPAL = 4711
ROWS = 7
PAGE = 2
BASE = f"/api/2.0/accounts/{ACCOUNT}"
TTL = "access_token_ttl_in_minutes"

# how the documents name the resources of the service
RESOURCES = {
    "account_federation_policy",
    "custom_app_integration",
    "oauth_published_apps",
    "published_app_integration",
    "service_principal_federation_policy",
    "service_principal_secrets",
}


class Walk:
    """Calls of the client, and beside each the requests that it should cause."""

    def __init__(self, client: AccountClient, checks: Checks) -> None:
        self.client = client
        self.checks = checks
        # (verb, path, names of query parameters, body) of every expected request
        self.expected: list[tuple[str, str, list[str], Any]] = []

    def expect(self, verb: str, path: str, *query: str, body: Any = None) -> None:
        """Notes a request that the next call should cause."""
        self.expected.append((verb, BASE + path, list(query), body))

    def list(
        self, name: str, path: str, read: Callable[..., Any], id_of: Callable, count: int
    ) -> list:
        """Lists everything in pages of two; no object comes twice."""
        self.expect("GET", path, "page_size")
        for _ in range((count + PAGE - 1) // PAGE - 1):
            self.expect("GET", path, "page_size", "page_token")
        objects = list(read(page_size=PAGE))
        ids = [id_of(one) for one in objects]
        self.checks.equal(f"{name}: a list of {count} objects", len(objects), count)
        self.checks.true(f"{name}: every object has an id", all(ids), ids)
        self.checks.equal(f"{name}: no object comes twice", len(set(ids)), count)
        return objects

    def gone(
        self, name: str, path: str, read: Callable[[], Any], delete: Callable[[], Any]
    ) -> None:
        """A deleted object can neither be read nor deleted again."""
        self.expect("GET", path)
        self.checks.raises(f"{name}: reading it after deletion", NotFound, read)
        self.expect("DELETE", path)
        self.checks.raises(f"{name}: deleting it twice", NotFound, delete)


def published_app_integration(walk: Walk) -> None:
    """The apps of the published catalogue that an account lets in."""
    api, checks = walk.client.published_app_integration, walk.checks
    name, path = "published_app_integration", "/oauth2/published-app-integrations"

    def listed(count: int) -> list:
        return walk.list(name, path, api.list, lambda one: one.integration_id, count)

    seeded = listed(ROWS)
    one = seeded[3]
    walk.expect("GET", f"{path}/{one.integration_id}")
    checks.equal(f"{name}: get gives what the list gave", api.get(one.integration_id), one)

    policy = {TTL: 60, "refresh_token_ttl_in_minutes": 10080}
    walk.expect("POST", path, body={"app_id": "power-bi", "token_access_policy": policy})
    made = api.create(app_id="power-bi", token_access_policy=TokenAccessPolicy.from_dict(policy))
    own = f"{path}/{made.integration_id}"
    walk.expect("GET", own)
    read = api.get(made.integration_id)
    checks.equal(f"{name}: the new object has its app", read.app_id, "power-bi")
    checks.equal(f"{name}: … and its policy", read.token_access_policy.as_dict(), policy)
    checks.true(f"{name}: … and a time of creation", bool(read.create_time), read)

    walk.expect("PATCH", own, body={"token_access_policy": {TTL: 30}})
    api.update(
        made.integration_id, token_access_policy=TokenAccessPolicy(access_token_ttl_in_minutes=30)
    )
    walk.expect("GET", own)
    changed = api.get(made.integration_id)
    checks.equal(
        f"{name}: an update shows", changed.token_access_policy.access_token_ttl_in_minutes, 30
    )
    checks.equal(f"{name}: an update leaves the rest alone", changed.app_id, "power-bi")
    again = listed(ROWS + 1)
    checks.true(f"{name}: the list shows the changed object", changed in again, again)

    walk.expect("DELETE", own)
    api.delete(made.integration_id)
    walk.gone(
        name, own, lambda: api.get(made.integration_id), lambda: api.delete(made.integration_id)
    )
    checks.equal(f"{name}: the list is the first one again", listed(ROWS), seeded)


def custom_app_integration(walk: Walk) -> None:
    """Apps of the account's own; creation tells a secret once."""
    api, checks = walk.client.custom_app_integration, walk.checks
    name, path = "custom_app_integration", "/oauth2/custom-app-integrations"

    def listed(count: int) -> list:
        return walk.list(name, path, api.list, lambda one: one.integration_id, count)

    listed(ROWS)
    body = {
        "confidential": True,
        "name": "reporting",
        "redirect_urls": ["https://reports.example/callback"],
        "scopes": ["sql", "offline_access"],
        "token_access_policy": {TTL: 60},
    }
    walk.expect("POST", path, body=body)
    made = api.create(
        confidential=True,
        name="reporting",
        redirect_urls=["https://reports.example/callback"],
        scopes=["sql", "offline_access"],
        token_access_policy=TokenAccessPolicy(access_token_ttl_in_minutes=60),
    )
    checks.true(
        f"{name}: creation tells the secret", bool(made.client_secret and made.client_id), made
    )
    own = f"{path}/{made.integration_id}"
    walk.expect("GET", own)
    read = api.get(made.integration_id).as_dict()
    checks.equal(
        f"{name}: the new object is what was sent", {key: read.get(key) for key in body}, body
    )
    checks.equal(f"{name}: the client id stays", read.get("client_id"), made.client_id)
    checks.true(f"{name}: the secret is not told again", made.client_secret not in str(read), read)

    walk.expect("PATCH", own, body={"scopes": ["sql"]})
    api.update(made.integration_id, scopes=["sql"])
    walk.expect("GET", own)
    changed = api.get(made.integration_id)
    checks.equal(f"{name}: an update shows", changed.scopes, ["sql"])
    checks.equal(
        f"{name}: an update leaves the rest alone", changed.redirect_urls, body["redirect_urls"]
    )
    again = listed(ROWS + 1)
    checks.true(
        f"{name}: the list shows the object",
        made.integration_id in [one.integration_id for one in again],
    )

    walk.expect("DELETE", own)
    api.delete(made.integration_id)
    walk.gone(
        name, own, lambda: api.get(made.integration_id), lambda: api.delete(made.integration_id)
    )
    listed(ROWS)


def oauth_published_apps(walk: Walk) -> None:
    """The catalogue itself, which can only be listed."""
    api = walk.client.o_auth_published_apps
    name, path = "oauth_published_apps", "/oauth2/published-apps"
    first = walk.list(name, path, api.list, lambda one: one.app_id, ROWS)
    second = walk.list(name, path, api.list, lambda one: one.app_id, ROWS)
    walk.checks.equal(f"{name}: two lists are equal", first, second)


def federation_policy(walk: Walk, name: str, path: str, api: Any, *parent: int) -> None:
    """Policies of an account or, with a parent, of a service principal."""
    checks = walk.checks

    def listed(count: int) -> list:
        read = lambda **paging: api.list(*parent, **paging)  # noqa: E731
        return walk.list(name, path, read, lambda one: one.policy_id, count)

    seeded = listed(ROWS)
    oidc = {
        "audiences": ["strataql"],
        "issuer": "https://tokens.example",
        "subject": f"repo:{name}",
        "subject_claim": "sub",
    }
    sent = {"description": "builds", "oidc_policy": oidc}
    walk.expect("POST", path, "policy_id", body=sent)
    policy = FederationPolicy(
        description="builds", oidc_policy=OidcFederationPolicy.from_dict(oidc)
    )
    made = api.create(*parent, policy, policy_id="builds")
    checks.equal(f"{name}: the id is the chosen one", made.policy_id, "builds")
    own = f"{path}/builds"
    walk.expect("GET", own)
    read = api.get(*parent, "builds")
    checks.equal(f"{name}: get gives what creation gave", read, made)
    checks.equal(f"{name}: … which is what was sent", read.oidc_policy.as_dict(), oidc)

    # the mask names one of the two fields that are sent; the other must stay as it is
    walk.expect(
        "PATCH",
        own,
        "update_mask",
        body={"description": "deploys", "oidc_policy": {"issuer": "https://other.example"}},
    )
    replacement = FederationPolicy(
        description="deploys", oidc_policy=OidcFederationPolicy(issuer="https://other.example")
    )
    api.update(*parent, "builds", replacement, update_mask="description")
    walk.expect("GET", own)
    changed = api.get(*parent, "builds")
    checks.equal(f"{name}: an update shows", changed.description, "deploys")
    checks.equal(f"{name}: the mask protects the rest", changed.oidc_policy.as_dict(), oidc)
    again = listed(ROWS + 1)
    checks.true(f"{name}: the list shows the changed object", changed in again, again)

    walk.expect("POST", path, "policy_id", body=sent)
    twice = lambda: api.create(*parent, policy, policy_id="builds")  # noqa: E731
    checks.raises(f"{name}: an id that is taken is refused", ResourceConflict, twice)
    walk.expect("DELETE", own)
    api.delete(*parent, "builds")
    walk.gone(name, own, lambda: api.get(*parent, "builds"), lambda: api.delete(*parent, "builds"))
    checks.equal(f"{name}: the list is the first one again", listed(ROWS), seeded)


def failure(act: Callable[[], Any]) -> Exception | None:
    """The error that a call raises, if it does."""
    try:
        act()
    except Exception as error:  # noqa: BLE001
        return error
    return None


def service_principal_secrets(walk: Walk) -> None:
    """Secrets of a service principal, which have no read of their own."""
    api, checks = walk.client.service_principal_secrets, walk.checks
    name, path = "service_principal_secrets", f"/servicePrincipals/{PRINCIPAL}/credentials/secrets"

    def listed(count: int) -> list:
        read = lambda **paging: api.list(str(PRINCIPAL), **paging)  # noqa: E731
        return walk.list(name, path, read, lambda one: one.id, count)

    seeded = listed(ROWS)
    walk.expect("POST", path, body={"lifetime": "3600s"})
    made = api.create(str(PRINCIPAL), lifetime="3600s")
    checks.true(f"{name}: creation tells the secret", bool(made.secret and made.id), made)
    again = listed(ROWS + 1)
    checks.true(
        f"{name}: the list shows the secret's id", made.id in [one.id for one in again], again
    )
    checks.true(f"{name}: the secret is not told again", made.secret not in str(again), again)
    walk.expect("DELETE", f"{path}/{made.id}")
    api.delete(str(PRINCIPAL), made.id)
    walk.expect("DELETE", f"{path}/{made.id}")
    checks.raises(
        f"{name}: deleting it twice", NotFound, lambda: api.delete(str(PRINCIPAL), made.id)
    )
    checks.equal(f"{name}: the list is the first one again", listed(ROWS), seeded)


def refusals(walk: Walk) -> None:
    """What the server must not accept, as errors of the SDK's own kinds."""
    api, checks = walk.client.published_app_integration, walk.checks
    path = "/oauth2/published-app-integrations"
    walk.expect("GET", f"{path}/no-such-integration")
    error = checks.raises("an unknown id", NotFound, lambda: api.get("no-such-integration"))
    checks.true("the error is the provider's own", error.error_code is not None, error)
    walk.expect("POST", path, body={"app_id": 7})
    checks.raises("a value of the wrong type", BadRequest, lambda: api.create(app_id=7))


def wrong_credentials(url: str, checks: Checks) -> None:
    """A secret and a client id that the server does not know."""
    for what, client_id, secret in [
        ("a wrong secret", CLIENT_ID, "not-the-secret"),
        ("a wrong client id", "nobody", CLIENT_SECRET),
    ]:
        client = connect(url, client_id, secret)
        error = failure(lambda: list(client.published_app_integration.list()))
        checks.true(f"{what} is refused", error is not None)
        checks.true(
            f"{what}: the refusal is about the client", "invalid_client" in str(error), repr(error)
        )
        checks.true(f"{what}: the error does not tell the secret", secret not in str(error))


def connect(url: str, client_id: str, secret: str) -> AccountClient:
    """The SDK's account client, by OAuth and nothing else."""
    config = Config(
        host=url,
        account_id=ACCOUNT,
        client_id=client_id,
        client_secret=secret,
        auth_type="oauth-m2m",
        retry_timeout_seconds=10,
    )
    return AccountClient(config=config)


def compare_log(log: list[dict[str, Any]], walk: Walk) -> None:
    """The server saw exactly the expected requests, and the documents know all of them."""
    checks = walk.checks
    calls = [entry for entry in log if not entry["auth"]]
    seen = [
        (entry["verb"], entry["path"], [name for name, _ in entry["query"]], entry["body"])
        for entry in calls
    ]
    for number, (got, wanted) in enumerate(zip(seen, walk.expected)):
        if got != wanted:
            checks.equal(f"request {number + 1} of the log", got, wanted)
    checks.equal("the log has every expected request and no other", len(seen), len(walk.expected))
    strange = [entry for entry in calls if entry["undocumented"] or not entry["method"]]
    checks.equal("the documents know every request of the SDK", strange, [])
    resources = {entry["method"].split(".")[2] for entry in calls}
    checks.equal("every resource of the service took part", resources, RESOURCES)
    own = f"databricks-sdk-py/{__version__}"
    agents = {entry["headers"].get("user-agent", "") for entry in calls}
    checks.true("every request came from the SDK", all(own in agent for agent in agents), agents)
    tokens = [
        entry for entry in log if entry["path"].endswith("/v1/token") and entry["status"] == 200
    ]
    checks.equal("one token served the whole walk", len(tokens), 1)
    checks.true("no secret stands in the log", CLIENT_SECRET not in str(log))


def main() -> None:
    """Runs all sections against one server."""
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        binary = environment.binary()
        environment.enter(home)
        with Sandbox(binary, home, "databricks_account", "--rows", str(ROWS)) as sandbox:
            client = connect(sandbox.url, CLIENT_ID, CLIENT_SECRET)
            walk = Walk(client, checks)
            principal = f"/servicePrincipals/{PRINCIPAL}/federationPolicies"
            with checks.section("published_app_integration"):
                published_app_integration(walk)
            with checks.section("custom_app_integration"):
                custom_app_integration(walk)
            with checks.section("oauth_published_apps"):
                oauth_published_apps(walk)
            with checks.section("account_federation_policy"):
                federation_policy(
                    walk,
                    "account_federation_policy",
                    "/federationPolicies",
                    client.federation_policy,
                )
            with checks.section("service_principal_federation_policy"):
                api = client.service_principal_federation_policy
                federation_policy(
                    walk, "service_principal_federation_policy", principal, api, PRINCIPAL
                )
            with checks.section("service_principal_secrets"):
                service_principal_secrets(walk)
            with checks.section("refusals"):
                refusals(walk)
            with checks.section("wrong credentials"):
                wrong_credentials(sandbox.url, checks)
            with checks.section("request log"):
                compare_log(sandbox.log(), walk)
    checks.finish()


if __name__ == "__main__":
    main()
