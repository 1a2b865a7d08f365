"""A decision, from a parsed request to the answer: offer, choose, log, answer; in this order and never otherwise.

In: a ``SlateRequest`` and the loop's runtime. Out: a ``SlateAnswer`` whose decision is in the log already. A user whose
row can't be read is decided for as one unknown; a policy that fails is replaced by the snapshot before, then by the
baseline; only a log that can't be written refuses a request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Literal, Protocol

import msgspec
import numpy as np

from agent.arms import BASELINE, LEARNED, Arm
from agent.event_log import EventConflict, EventLog, LogUnavailable
from agent.loops import LimitSettings
from agent.offering import offer_to
from agent.records import Decision, Imitation
from agent.user_reader import UserReader, UserUnread
from policies.base import Action, Context, Slate
from policies.baselines import Named
from policies.sampling import NothingEligible
from policies.user_rates import UserRates
from serve_app.asking import Asked, resolve
from serve_app.errors import ConflictError, UnavailableError, UnprocessableError, shown
from serve_app.loop_runtime import LoopRuntime
from serve_app.rows import read_features
from serve_app.tokens import Signer, check_client_id
from serve_app.wire import EMPTY, ChosenItem, SlateAnswer, SlateRequest
from serve_app.wish import NO_WISH, Wish

logger = logging.getLogger("slateloop.decide")

_NO_CONTEXT = Context()

Ask = Callable[[Arm], tuple[Slate, Sequence[float]]]
"""Asks an arm: its slate, and the probabilities of the first slot where they are wanted, else none."""

_OWN_ORDER = frozenset({"order", BASELINE})
"""Kinds of policy that are the application's own order: where a request names its choice, they are that choice."""

Served = tuple[Slate, Sequence[float], Arm]
"""What is served, the probabilities of the first slot where they are wanted, and the arm that chose."""


class DecisionCounter(Protocol):
    """Counts what a decision had to do without."""

    def fell_back(self, loop: str, reason: str) -> None:
        """One more that a failing policy could not make."""
        ...

    def user_read(self, loop: str, result: Literal["known", "new", "failed"]) -> None:
        """A user's row was looked for."""
        ...


class Decider:
    """Decides, for all loops of this process.

    Args:
        log: Where decisions go before they are answered.
        signer: The signer in use; asked for at each decision, since keys may rotate.
        counter: Told of every fallback, and of every look at a user's row.
        users: Reads users' rows.
    """

    def __init__(
        self, log: EventLog, signer: Callable[[], Signer], counter: DecisionCounter, users: UserReader
    ) -> None:
        self._log = log
        self._users = users
        self._signer = signer
        self._counter = counter

    async def decide(self, request: SlateRequest, loop: LoopRuntime, *, body: bytes | msgspec.Raw) -> SlateAnswer:
        """Choose a slate, log it, answer it; arguments and errors as of ``decision``."""
        return _answer(await self.decision(request, loop, body=body))

    async def decision(
        self, request: SlateRequest, loop: LoopRuntime, *, body: bytes | msgspec.Raw, wish: Wish = NO_WISH
    ) -> Decision:
        """Choose a slate and log it.

        Args:
            request: As parsed.
            loop: The loop it is for.
            body: The request's bytes: a repeat of a client's event id must have the same.
            wish: How it is to be made and logged, where that differs.

        Returns:
            The decision as it is in the log: of a repeated request, the first one.

        Raises:
            UnprocessableError: a field is wrong, or a slot is left with nothing eligible.
            ConflictError: the event id was used for another request.
            UnavailableError: the log can't be written.
        """
        limits = loop.settings.limits
        if request.event_id is not None:
            check_client_id(request.event_id)
        asked = resolve(request, limits)
        context = _context(request.context, limits)
        offered = await loop.shelf.offer(request.actions)
        offer = offer_to(await self._user(request, loop), offered)
        named = request.event_id or wish.event_id
        event_id = named or self._signer().make(loop.name)
        seed = int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest(), "little")
        ask = _asking(context, offer.actions, asked, seed, wish)
        if loop.settings.mode == "online":
            variant = loop.dealer.deal(user=request.user, session=request.session, event_id=event_id)
            served, imitation = self._choose(loop, variant, ask), None
        else:
            variant = BASELINE
            imitation = self._imitation(loop, ask)
            served = _baseline(loop, ask)
        slate, likely, arm = served
        decision = Decision(
            event_id=event_id,
            clock_ms=self._log.clock_ms(),
            window_ms=loop.settings.reward.window_ms,
            variant=variant,
            policy=arm.kind,
            version=arm.version,
            seed=seed,
            context=bytes(request.context),
            action_ids=asked.action_ids,
            feature_keys=b"".join([one.action.key for one in offered]),
            slots=asked.records,
            chosen=slate.chosen,
            propensities=slate.propensities,
            deferred=request.defer,
            user=request.user,
            session=request.session,
            derived=offer.derived,
            floor=arm.floor,
            settings_version=loop.settings_version,
            likely=np.array(likely, "<f4").tobytes() if likely else b"",
            imitation=imitation,
            baseline=wish.baseline,
        )
        rows = {one.action.key: one.row for one in offered}
        return await self._append(loop.name, decision, rows, body if named else None)

    async def _user(self, request: SlateRequest, loop: LoopRuntime) -> UserRates | None:
        """What is remembered of the user; None where nothing is, or it can't be had, or nobody decides by it."""
        if not loop.users_of or request.user is None:
            return None
        try:
            user = await self._users.read(loop.name, loop.users_of, request.user)
        except UserUnread:
            self._counter.user_read(loop.name, "failed")
            return None
        self._counter.user_read(loop.name, "known" if user else "new")
        return user

    def _choose(self, loop: LoopRuntime, variant: str, ask: Ask) -> Served:
        """The variant's choice; a learned policy that fails gives way to those behind it."""
        arm = loop.arms[variant]
        try:
            return *ask(arm), arm
        except NothingEligible as error:
            raise _nothing_eligible(error) from None
        except Exception:
            # Whatever a policy raises, the application gets its slate (promise 4); the failure is logged and counted.
            if variant != LEARNED:
                raise
            logger.exception("the policy %s %s of loop %s failed", arm.kind, arm.version, loop.name)
        return self._fall_back(loop, ask)

    def _fall_back(self, loop: LoopRuntime, ask: Ask) -> Served:
        *previous, reserve = loop.fallbacks
        for arm in previous:
            try:
                served = ask(arm)
            except Exception:
                logger.exception("the snapshot before, %s of loop %s, failed too", arm.version, loop.name)
            else:
                self._counter.fell_back(loop.name, "previous")
                return *served, arm
        self._counter.fell_back(loop.name, "baseline")
        return *ask(reserve), reserve

    def _imitation(self, loop: LoopRuntime, ask: Ask) -> Imitation | None:
        """What an apprentice would serve."""
        if loop.settings.mode != "apprentice" or LEARNED not in loop.arms:
            return None
        own, _, arm = self._choose(loop, LEARNED, ask)
        return Imitation(own.chosen, own.propensities, arm.kind, arm.version)

    async def _append(
        self, loop: str, decision: Decision, rows: dict[bytes, bytes], body: bytes | msgspec.Raw | None
    ) -> Decision:
        try:
            if body is None:
                await self._log.append(loop, decision, rows)
                return decision
            digest = blake2b(bytes(body), digest_size=16).hexdigest().encode()
            return (await self._log.append_once(loop, decision, body_digest=digest, rows=rows)).decision
        except LogUnavailable as error:
            raise unavailable(error) from None
        except EventConflict as error:
            cure = "use a new event_id for a new request; repeat an old one byte for byte"
            raise ConflictError(str(error), field="event_id", value=shown(decision.event_id), cure=cure) from None


def _asking(context: Context, actions: Sequence[Action], asked: Asked, seed: int, wish: Wish) -> Ask:
    """How any arm is asked for this request's slate."""
    if wish.tells_all:
        return lambda arm: arm.choose_seen(context, actions, asked.slots, seed, asked.masks)
    named = None if wish.baseline is None else Named(wish.baseline)

    def ask(arm: Arm) -> tuple[Slate, Sequence[float]]:
        if named is not None and arm.kind in _OWN_ORDER:
            arm = replace(arm, policy=named)
        return arm.choose(context, actions, asked.slots, seed, asked.masks), ()

    return ask


def _baseline(loop: LoopRuntime, ask: Ask) -> Served:
    """What the application would show by itself, served for sure."""
    arm = replace(loop.fallbacks[-1], floor=0.0)
    try:
        return *ask(arm), arm
    except NothingEligible as error:
        raise _nothing_eligible(error) from None


def unavailable(error: LogUnavailable) -> UnavailableError:
    """The refusal for a log that can't be written."""
    return UnavailableError(
        f"the event log can't be written now: {error}", cure="repeat the request, with the same event_id or reward_id"
    )


def _answer(decision: Decision) -> SlateAnswer:
    chosen = zip(decision.chosen, decision.propensities, strict=True)
    slate = [ChosenItem(decision.action_ids[index], propensity) for index, propensity in chosen]
    return SlateAnswer(decision.event_id, slate, decision.policy, decision.version, decision.variant)


def _context(raw: msgspec.Raw, limits: LimitSettings) -> Context:
    return _NO_CONTEXT if raw == EMPTY else Context(read_features(raw, limits, field="context"))


def _nothing_eligible(error: NothingEligible) -> UnprocessableError:
    cure = "exclude fewer actions, offer more, or ask for fewer slots"
    detail = f"slot {error.slot} has no eligible action left"
    return UnprocessableError(detail, field=f"slots[{error.slot}]", value="", cure=cure)
