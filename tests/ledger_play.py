"""Random moves on a small ledger: what is asked for is often right, and often nearly right."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta

from ledger_model_compare import find_proposal
from ledger_model_parameters import services_named
from ledger_model_proposals import judge_of, template_for, written
from ledger_mutations import MUTATIONS, Hand
from ledger_pair import Pair
from ledger_table import Table, change_owner
from oracle import EPOCH, HOLD_EXPIRES, MINUTE, Resource, has_lapsed, instant, round_up, with_url
from strategies import (
    SERVICE,
    Dice,
    make_slot,
)

SERVICE_REFERENCE = f"HealthcareService/{SERVICE}"
MS = timedelta(milliseconds=1)


class Player:
    """Makes moves on a pair of a ledger and its model, which complain if they disagree."""

    def __init__(self, pair: Pair, table: Table, dice: Dice):
        self.pair = pair
        self.table = table
        self.dice = dice
        self.sent: list[tuple[str, Resource]] = []
        self.counts: dict[str, int] = {}
        self.kept: list[tuple[str, Resource | None]] | None = None

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def ask(self, operation: str, body: Resource | None, *, plain: bool = False) -> int:
        """The status; 0 if the request is kept for a batch."""
        if not plain and body is not None and self.dice.chance(4):
            body = odd_body(self.dice, body)
        if self.kept is not None:
            self.kept.append((operation, body))
            return 0
        ((status, answer),) = self.pair.invoke([(operation, body)], dry_run=self.dice.chance(15))
        self.note(operation, status, answer)
        return status

    def note(self, operation: str, status: int, answer: Resource) -> None:
        text = answer["issue"][0]["details"]["text"] if status >= 400 else str(status)
        self.count(f"{operation.split('/')[-1]} {text}")

    def batch(self) -> None:
        """Several requests in one transaction."""
        self.kept = []
        for _ in range(self.dice.number(2, 4)):
            self.dice.pick((Player.repeat, Player.book_mutated, Player.confirm, Player.cancel, Player.reschedule))(self)
        calls, self.kept = self.kept, None
        answers = self.pair.invoke(calls, dry_run=self.dice.chance(15))
        for (operation, _), (status, answer) in zip(calls, answers, strict=True):
            self.note(operation, status, answer)

    # $find, $book and $hold

    def query(self, service: str = SERVICE_REFERENCE) -> dict[str, str | list[str]]:
        dice, frame = self.dice, self.table.frame
        pools = [dice.several(self.table.schedules, 1, 2) for _ in range(dice.number(1, 2))]
        if dice.chance(60):
            pools = [[name] for name in dice.several(self.table.schedules, 1, 2)]
        start = frame.start + 5 * dice.number(-6, 6) * MINUTE
        query: dict[str, str | list[str]] = {
            "start": written(start),
            "end": written(start + dice.number(frame.minutes // 2, frame.minutes) * MINUTE),
            "service-type-reference": service,
            "schedule": [",".join(f"Schedule/{name}" for name in pool) for pool in pools],
            "_count": str(dice.pick((5, 20, 100))),
        }
        if dice.chance(20):
            query["combinations"] = "2"
        return query

    def find_and_book(self) -> None:
        dice = self.dice
        query = self.query()
        if dice.chance(35):
            query["occurrence-count"] = str(self.table.frame.occurrences or 2)
        offers = self.pair.find(query)
        self.count("find refused" if offers is None else "find nothing" if not offers else "find offers")
        if not offers:
            return
        offer = deepcopy(dice.pick(offers))
        operation = dice.pick(("$book", "$hold"))
        if dice.chance(30):
            self.identify(offer)
        if dice.chance(20):
            offer["requestedPeriod"] = [{"start": query["start"], "end": query["end"]}]
        status = self.send(operation, offer, plain="identifier" not in offer)
        if "identifier" not in offer:
            assert status == 201, "what $find offers, $book accepts"

    def identify(self, proposal: Resource) -> None:
        systems: tuple[Resource, ...] = ({}, {"system": "http://example.org/ids"})
        values = self.dice.several(("X", "Y", "Z", "X"), 1, 2)
        proposal["identifier"] = [{**self.dice.pick(systems), "value": one} for one in values]
        if self.dice.chance(10):
            proposal["identifier"].insert(0, {"system": "http://example.org/ids"})

    def send(self, operation: str, proposal: Resource, *, plain: bool = False) -> int:
        dice = self.dice
        self.sent.append((operation, proposal))
        if dice.chance(20):
            return self.ask(f"Appointment/{operation}", proposal, plain=plain)
        wanted: list[Resource] = [{"name": "appointment", "resource": proposal}]
        if dice.chance(30):
            kind = dice.pick(("valuePositiveInt", "valueInteger", "valueUnsignedInt"))
            value = dice.pick((1, 2, 5, 15, 15, 60) if plain else (1, 2, 5, 15, 15, 60, 0))
            wanted.insert(dice.number(0, 1), {"name": "hold-minutes", kind: value})
        if dice.chance(5):
            wanted.append({"name": "nonsense", "valueString": "x"})
        return self.ask(f"Appointment/{operation}", {"resourceType": "Parameters", "parameter": wanted}, plain=plain)

    def repeat(self) -> None:
        """An earlier request, or nearly."""
        if not self.sent:
            return
        dice = self.dice
        operation, proposal = dice.pick(self.sent)
        again = deepcopy(proposal)
        if dice.chance(20):
            operation = dice.pick(("$book", "$hold"))
        if dice.chance(25):
            self.identify(again)
        elif dice.chance(30):
            others = [one for _, proposal in self.sent for one in proposal.get("identifier", [])]
            again["identifier"] = [*again.get("identifier", []), *dice.several(others, min(1, len(others)), 2)]
        if dice.chance(30):
            self.mutate(again)
        self.send(operation, again)

    def propose(self) -> Resource:
        """Something like what `$find` would offer, at any start."""
        dice, frame = self.dice, self.table.frame
        start = frame.start + dice.pick((30, 15, 5)) * dice.number(0, frame.minutes // 15) * MINUTE
        judge = judge_of(
            self.pair.first.resources, self.pair.clock, SERVICE_REFERENCE, f"Schedule/{self.table.schedules[0]}"
        )
        minutes = range(round_up(frame.start), round_up(frame.start) + frame.minutes)
        aligned = [one for one in minutes if judge.on_grid(one)]
        if aligned and dice.chance(85):
            start = EPOCH + dice.pick(aligned) * MINUTE
        names = [f"Schedule/{name}" for name in dice.several(self.table.schedules, 1, 2)]
        try:
            proposal = find_proposal(self.pair.state, SERVICE_REFERENCE, names, start, self.pair.clock)
        except (
            KeyError,
            IndexError,
            ValueError,
            AttributeError,
            StopIteration,
        ):  # what is stored at present does not resolve
            proposal = find_proposal(self.pair.first, SERVICE_REFERENCE, names, start, self.pair.clock)
        if dice.chance(25):
            proposal["extension"] = [template_for(start, dice.number(2, 3), frame.zone)]
        return deepcopy(proposal)

    def book_mutated(self) -> None:
        dice = self.dice
        proposal = self.propose()
        if dice.chance(40):
            offers = self.pair.find(self.query())
            if offers:
                proposal = deepcopy(dice.pick(offers))
        if dice.chance(40):
            self.identify(proposal)
        for _ in range(dice.number(0, 2)):
            self.mutate(proposal)
        self.send(dice.pick(("$book", "$hold")), proposal)

    def mutate(self, proposal: Resource) -> None:
        slots = [one for one in proposal.get("contained", []) if one["resourceType"] == "Slot"]
        if slots:
            self.dice.pick(MUTATIONS)(Hand(self.dice, self.table.frame), proposal, self.dice.pick(slots))

    # $confirm, $cancel and $reschedule

    def appointment(self, *preferred: str) -> str:
        """An id, mostly of one with such a status."""
        found = [one for one in self.pair.state.resources.values() if one["resourceType"] == "Appointment"]
        wanted = [one for one in found if one["status"] in preferred]
        if wanted and self.dice.chance(80):
            found = wanted
        return self.dice.pick(found)["id"] if found and self.dice.chance(97) else "nobody"

    def confirm(self) -> None:
        dice = self.dice
        body: Resource | None = None
        if dice.chance(60):
            code = dice.pick(("this", "this-and-following", "all", "all", "some"))
            body = {"resourceType": "Parameters", "parameter": [{"name": "occurrences", "valueCode": code}]}
            if dice.chance(5):
                body["parameter"] *= 2
        self.ask(f"Appointment/{self.appointment('pending', 'proposed')}/$confirm", body)

    def cancel(self) -> None:
        dice = self.dice
        key = self.appointment("booked", "pending")
        wanted: list[Resource] = []
        if dice.chance(40):
            wanted.append({"name": "cancelationReason", "valueCodeableConcept": {"text": "ill"}})
        if dice.chance(50):
            body = {"resourceType": "Parameters", "parameter": wanted} if wanted or dice.chance(50) else None
            self.ask(f"Appointment/{key}/$cancel", body)
            return
        reference = f"{'Slot' if dice.chance(5) else 'Appointment'}/{key}"
        shapes: tuple[Resource, ...] = ({"valueReference": {"reference": reference}}, {"valueString": reference})
        wanted += [{"name": "appointment-reference", **dice.pick(shapes)}] * dice.pick((1,) * 18 + (0, 2))
        self.ask("Appointment/$cancel", {"resourceType": "Parameters", "parameter": wanted})

    def reschedule(self) -> None:
        dice = self.dice
        key = self.appointment("booked", "pending")
        start = written(self.table.frame.start + dice.pick((5, 15, 30)) * dice.number(0, 12) * MINUTE)
        names = dice.several(self.table.schedules, 1, 2)
        is_offer = False
        if dice.chance(70) and f"Appointment/{key}" in self.pair.state.resources:
            query = {**self.query(), "ignore-appointment": f"Appointment/{key}"}
            offers = self.pair.find(query)
            if offers:
                offer = dice.pick(offers)
                visits = [one for one in offer["contained"] if one["status"] == "busy"]
                names = [one["schedule"]["reference"].removeprefix("Schedule/") for one in visits]
                start, is_offer = offer["start"], self.kept is None and self.can_move(key)
        elif dice.chance(10):
            start = dice.pick(("2026-03-08", "2026-03-08T10:00", "soon", start.replace("00.000Z", "30Z")))
        if not is_offer and dice.chance(10):
            names[0] = dice.pick(("nobody", "s0", "Practitioner/s0"))
        wanted: list[Resource] = []
        for name in names:
            reference = name if "/" in name else f"Schedule/{name}"
            kind = dice.pick(("valueReference", "valueReference", "valueString", "valueUri"))
            wanted.append(
                {"name": "schedule", kind: {"reference": reference} if kind == "valueReference" else reference}
            )
        if dice.chance(10):
            wanted.append(wanted[0])
        kind = dice.pick(("valueDateTime", "valueDateTime", "valueInstant", "valueDate", "valueString"))
        wanted.insert(dice.number(0, len(wanted)), {"name": "start", kind: start})
        body: Resource = {"resourceType": "Parameters", "parameter": wanted}
        status = self.ask(f"Appointment/{key}/$reschedule", body, plain=is_offer)
        assert status in (0, 200) or not is_offer, "where $find offers a new time, $reschedule accepts it"

    def can_move(self, key: str) -> bool:
        """Model 17, the last sentence but one; the clock of a write may be ahead of that of the search."""
        resources = self.pair.state.resources
        found = resources[f"Appointment/{key}"]
        now = max(self.pair.clock, self.pair.state.last)
        alive = found["status"] in ("booked", "pending") and not has_lapsed_at(found, now)
        services = list(services_named(found.get("serviceType", [])))
        lapsing = self.lapsing()
        slots = [one["reference"] for one in found.get("slot", [])]
        can_read = all(
            one in resources and one not in lapsing and resources[one]["schedule"]["reference"] in resources
            for one in slots
        )
        return alive and services == [SERVICE_REFERENCE] and can_read

    def lapsing(self) -> list[str]:
        """The Slots that the next write finds deleted."""
        now = max(self.pair.clock, self.pair.state.last)
        found = [one for one in self.pair.state.resources.values() if has_lapsed_at(one, now)]
        return [slot["reference"] for one in found for slot in one.get("slot", [])]

    # Other writes, the clock and the file

    def put_slot(self) -> None:
        dice = self.dice
        found = [one for key, one in self.pair.state.resources.items() if key.startswith("Slot/")]
        if found and dice.chance(35):
            one = {key: value for key, value in dice.pick(found).items() if key != "meta"}
            made = make_slot(dice, self.table.frame, one["id"], self.table.schedules)
            fields = dice.pick((("status",), ("start", "end"), ("schedule",), ("serviceType",), ("extension",)))
            self.pair.put({**one, **{name: made[name] for name in fields if name in made}})
            return
        name = dice.pick((*self.table.slots, "extra1", "extra2"))
        made = make_slot(dice, self.table.frame, name, self.table.schedules)
        owners = [
            one for one in self.pair.state.resources.values() if {"reference": f"Slot/{name}"} in one.get("slot", [])
        ]
        if dice.chance(10) and not owners:
            made["start"], made["end"] = dice.pick((("soon", made["end"]), (made["end"], made["start"])))
            made["id"] = dice.pick(("extra1", "extra2"))
        self.pair.put(made)
        self.count("put Slot")

    def put_schedule(self) -> None:
        """Its own change, or what was loaded at first."""
        dice = self.dice
        kind, name = dice.pick(
            [("HealthcareService", SERVICE), *(("Schedule", one) for one in self.table.schedules)] * 2
            + [("Practitioner", one) for one in self.table.schedules]
        )
        reference = f"{kind}/{name}"
        if dice.chance(15):
            if reference in self.pair.state.resources:
                self.pair.delete(reference)
            return
        resource = deepcopy(self.pair.first.resources[reference])
        del resource["meta"]
        if kind != "Practitioner" and dice.chance(65):
            change_owner(dice, self.table.frame, resource)
        self.pair.put(resource)
        self.count(f"put {kind}")

    def put_appointment(self) -> None:
        """Another status, which is never again one that takes time."""
        key = f"Appointment/{self.appointment('booked', 'pending')}"
        if key in self.pair.state.resources:
            status = self.dice.pick(("arrived", "fulfilled", "noshow", "entered-in-error", "cancelled"))
            found = {name: one for name, one in self.pair.state.resources[key].items() if name != "meta"}
            if found["status"] not in ("cancelled", "entered-in-error"):
                self.pair.put({**found, "status": status})

    def delete_slot(self) -> None:
        found = [one for one in self.pair.state.resources if one.startswith("Slot/") and one not in self.lapsing()]
        if found:
            self.pair.delete(self.dice.pick(found))

    def load(self) -> None:
        """The source again, often with a change of its own."""
        dice = self.dice
        if dice.chance(50):
            self.pair.load()
            return
        resource = deepcopy(dice.pick(self.pair.resources))
        if resource["resourceType"] in ("HealthcareService", "Schedule"):
            change_owner(dice, self.table.frame, resource)
        elif resource["resourceType"] == "Slot":
            made = make_slot(dice, self.table.frame, resource["id"], self.table.schedules)
            resource = made
        else:
            resource["description"] = "changed"
        self.pair.load(resource)

    def reopen(self) -> None:
        self.pair.reopen()

    def tick(self) -> None:
        """Often to the end of a hold or just short of it, rarely back."""
        dice = self.dice
        holds = [
            instant(each["valueInstant"])
            for one in self.pair.state.resources.values()
            if one["resourceType"] == "Appointment" and one["status"] == "pending"
            for each in with_url(one, HOLD_EXPIRES)
        ]
        if holds and dice.chance(60):
            self.pair.at(dice.pick(holds) + dice.pick((-1, 0, 0, 1)) * MS)
        else:
            self.pair.at(self.pair.clock + dice.pick((-20, -3, 1, 2, 5, 20)) * MINUTE + dice.number(0, 999) * MS)


def odd_body(dice: Dice, body: Resource) -> Resource:
    """A body that is not as it should be, in one place."""
    wanted: list[Resource] = body.get("parameter", [])
    if not wanted or dice.chance(20):
        return {**body, "resourceType": "Bundle"}
    one = dice.pick(wanted)
    if dice.chance(40):
        return {**body, "parameter": [each for each in wanted if each["name"] != one["name"]]}
    if one["name"] == "hold-minutes" and dice.chance(60):
        other = dice.pick(({"valueString": "5"}, {"valueInteger": "abc"}, {"valuePositiveInt": -1}))
        return {**body, "parameter": [{"name": one["name"], **other} if each is one else each for each in wanted]}
    return {**body, "parameter": [*wanted, one]}


def has_lapsed_at(resource: Resource, now: datetime) -> bool:
    return resource["resourceType"] == "Appointment" and has_lapsed(resource, now)


MOVES: tuple[tuple[int, Callable[[Player], None]], ...] = (
    (8, Player.find_and_book),
    (8, Player.book_mutated),
    (4, Player.repeat),
    (4, Player.confirm),
    (3, Player.cancel),
    (5, Player.reschedule),
    (2, Player.put_slot),
    (2, Player.put_schedule),
    (1, Player.put_appointment),
    (1, Player.delete_slot),
    (1, Player.load),
    (1, Player.reopen),
    (3, Player.tick),
    (2, Player.batch),
)
