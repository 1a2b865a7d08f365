"""Learners as threads of the test's own process, with the port that the supervision orders them through."""

from __future__ import annotations

from collections.abc import Mapping

from agent.learner_host import LearnerHost, State, host_learner
from agent.supervision import LearnerId


class Crew:
    """Real learners without Ray."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self.hosts: dict[LearnerId, LearnerHost] = {}

    def running(self) -> Mapping[LearnerId, State | None]:
        return {learner: host.state() for learner, host in self.hosts.items()}

    def start(self, learner: LearnerId) -> None:
        self.hosts[learner] = host_learner(self._redis_url, *learner)
        self.hosts[learner].start()

    def stop(self, learner: LearnerId) -> None:
        self.hosts.pop(learner).stop()

    def stop_all(self) -> None:
        for learner in list(self.hosts):
            self.stop(learner)
