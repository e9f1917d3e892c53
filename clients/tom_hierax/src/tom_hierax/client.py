"""Requests to the HTTP interface of a Hierax service."""

import json
from urllib.parse import quote

import requests
from tom_dataservices.dataservices import QueryServiceError


class HieraxClient:
    """Asks one service.

    :param base_url: address of the service, such as `http://localhost:8080`
    :param token: value of its setting `http.token`; None without
    :param timeout: how long to wait for an answer or its next bytes, seconds
    """

    def __init__(self, base_url, token=None, timeout=60):
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def object_url(self, object_id):
        """Address of an object in the API."""
        return f"{self.base_url}/api/v1/objects/{quote(object_id, safe='')}"

    def object(self, object_id):
        """Light curve and classification of an object; None if the service knows no alert of it.

        :raises QueryServiceError: if the service refuses the request or does not answer
        """
        with self._get(self.object_url(object_id)) as response:
            if response.status_code == 404:
                return None
            _check(response)
            return _parsed(response.text)

    def objects(self, limit, **parameters):
        """Current classifications of objects, at most `limit`, in the order of their ids.

        :raises QueryServiceError: if the service refuses the request, does not answer or fails halfway
        """
        found = []
        cursor = None
        while len(found) < limit:
            query = {**parameters, "limit": limit - len(found)}
            if cursor is not None:
                query["cursor"] = cursor
            lines = self._lines(query)
            last = lines[-1] if lines else {}
            if "cursor" not in last:
                reason = (last.get("error") or {}).get("detail", "the answer was cut short")
                raise QueryServiceError(f"Hierax at {self.base_url}: {reason}")
            # A record that cannot be read has a line with its error.
            found += [line for line in lines[:-1] if "error" not in line]
            cursor = last["cursor"]
            if cursor is None:
                break
        return found

    def nodes(self):
        """Names of the nodes of the taxonomy, parents before children."""
        with self._get(f"{self.base_url}/api/v1/taxonomy") as response:
            _check(response)
            return [node["name"] for node in _parsed(response.text)["nodes"]]

    def _lines(self, query):
        with self._get(f"{self.base_url}/api/v1/objects", query) as response:
            _check(response)
            return [_parsed(line) for line in response.text.splitlines() if line]

    def _get(self, url, query=None):
        try:
            return requests.get(url, params=query, headers=self.headers, timeout=self.timeout)
        except requests.RequestException as error:
            raise QueryServiceError(f"Hierax at {self.base_url} does not answer: {error}") from error


def _check(response):
    """Raise what a service says of a request that it refuses."""
    if response.status_code < 400:
        return
    try:
        problem = response.json()
        reason = f"{problem['detail']}. {problem['remedy']}"
    except (ValueError, KeyError, TypeError):
        reason = f"status {response.status_code}"
    raise QueryServiceError(f"Hierax at {response.url.split('?')[0]}: {reason}")


def _parsed(text):
    try:
        return json.loads(text)
    except ValueError as error:
        raise QueryServiceError("The answer is not that of a Hierax service: check base_url") from error
