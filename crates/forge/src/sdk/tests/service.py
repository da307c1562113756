# Written for tests: each shape that generated methods have, once.

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    RUNS = "RUNS"
    BROKEN = "BROKEN"


@dataclass
class Thing:
    id: str
    """What it is."""

    display_name: Optional[str] = None

    counts: Optional[List[Dict[str, int]]] = None

    @classmethod
    def from_dict(cls, d: Dict[str, Any]) -> Thing:
        return cls(
            id=d.get("id", None),
            display_name=d.get("displayName", None),
            counts=_repeated_int64(d, "counts"),
        )


@dataclass
class ListThingsResponse:
    next_page_token: Optional[str] = None

    things: Optional[List[Thing]] = None


@dataclass
class Operation:
    name: Optional[str] = None

    done: Optional[bool] = None


class CreateThingOperation:
    def wait(self, opts=None):
        def poll_operation():
            operation = self._impl.get_operation(name=self._operation.name)
            self._operation = operation
            return None, None

        return poll(poll_operation)


class ThingsAPI:
    """Things of a workspace."""

    def __init__(self, api_client):
        self._api = api_client

    def wait_get_thing_running(self, path: str, timeout=timedelta(minutes=20)) -> Thing:
        target_states = (State.RUNS,)
        failure_states = (State.BROKEN,)
        status_message = "polling..."
        while time.time() < deadline:
            poll = self.get_thing(path=path)
            status = poll.state.now
            status_message = f"current status: {status}"
            if poll.state:
                status_message = poll.state.why
            if status in target_states:
                return poll

    def create_thing(self, thing: Thing, *, request_id: Optional[str] = None) -> CreateThingOperation:
        if request_id is None or request_id == "":
            request_id = str(uuid.uuid4())
        body = thing.as_dict()
        query = {}
        if request_id is not None:
            query["requestId"] = request_id
        headers = {"Accept": "application/json"}
        cfg = self._api._cfg
        if cfg.workspace_id:
            headers["X-Databricks-Workspace-Id"] = cfg.workspace_id
        res = self._api.do("POST", "/api/2.0/things", query=query, body=body, headers=headers)
        operation = Operation.from_dict(res)
        return CreateThingOperation(self, operation)

    def get_thing(self, kind: State, path: str) -> Thing:
        cfg = self._api._cfg
        res = self._api.do("GET", f"/api/2.0/things/{kind.value}/{_escape_multi_segment_path_parameter(path)}")
        return Thing.from_dict(res)

    def get_operation(self, name: str) -> Operation:
        cfg = self._api._cfg
        res = self._api.do("GET", f"/api/2.0/{name}")
        return Operation.from_dict(res)

    def start_thing(self, path: str) -> Wait[Thing]:
        cfg = self._api._cfg
        op_response = self._api.do("POST", f"/api/2.0/things/{path}/start")
        return Wait(self.wait_get_thing_running, path=path)

    def start_thing_and_wait(self, path: str) -> Thing:
        return self.start_thing(path=path).result()

    def list_things(self, *, page_token: Optional[str] = None) -> Iterator[Thing]:
        query = {}
        if page_token is not None:
            query["page_token"] = page_token
        cfg = self._api._cfg
        while True:
            json = self._api.do("GET", "/api/2.0/things", query=query)
            if "things" in json:
                for v in json["things"]:
                    yield Thing.from_dict(v)
            if "next_page_token" not in json or not json["next_page_token"]:
                return
            query["page_token"] = json["next_page_token"]


class AccountUsersAPI:
    def all(self) -> Iterator[Thing]:
        json = self._api.do("GET", f"/api/2.0/accounts/{self._api.account_id}/all")
        parsed = ListThingsResponse.from_dict(json).things
        return parsed if parsed is not None else []

    def delete(self, id: str):
        self._api.do("DELETE", f"/api/2.0/accounts/{self._api.account_id}/users/{id}")

    def download(self, id: str) -> Thing:
        headers = {"Accept": "application/octet-stream"}
        response_headers = ["content-length"]
        res = self._api.do("GET", f"/api/2.0/users/{id}/photo", headers=headers, raw=True)
        return Thing.from_dict(res)

    def upload(self, id: str, contents: BinaryIO):
        headers = {"Content-Type": "application/octet-stream"}
        self._api.do("PUT", f"/api/2.0/users/{id}/photo", headers=headers, data=contents)

    def list(self, *, count: Optional[int] = None) -> Iterator[Thing]:
        query = {}
        if count is not None:
            query["count"] = count
        query["startIndex"] = 1
        if "count" not in query:
            query["count"] = 10000
        while True:
            json = self._api.do("GET", "/api/2.0/users", query=query)
            if "Resources" in json:
                for v in json["Resources"]:
                    yield Thing.from_dict(v)
            if "Resources" not in json or not json["Resources"]:
                return
            query["startIndex"] += len(json["Resources"])
