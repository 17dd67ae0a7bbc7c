"""The text format of the machine reassignment problem: a model, and assignments beside it.

Whole numbers between white space, as the ROADEF/EURO challenge of 2012 defined them: resources,
machines, services, processes, balances, weights. An assignment is one machine for each process.
"""

import re
import warnings

import numpy as np
import numpy.typing as npt

from anypool.errors import Invalid
from anypool.planner.reassign import Ints, Problem, check_start

HINT = "see the format in the documentation of `anypool plan balance --from roadef`"
LARGEST = 2**32 - 1
LARGEST_COST = 2.0**60
_NUMBER = re.compile(r"\d{1,18}")


class Numbers:
    """The numbers of a text in order; each is taken once, errors bear the line."""

    def __init__(self, text: str, name: str) -> None:
        """Take a text apart; raise `Invalid` where something is no whole number."""
        self._text = text
        self._name = name
        self._at = 0
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                self._all: Ints = np.fromstring(text, dtype=np.int64, sep=" ")
            except (DeprecationWarning, ValueError):
                raise self._strange() from None
        if self._all.size and not text.strip():
            self._all = self._all[:0]  # numpy reads white space alone as a number
        wrong = (self._all < 0) | (self._all > LARGEST)
        if wrong.any():
            raise self.wrong(int(np.argmax(wrong)), f"a number is not in 0 to {LARGEST}")

    def take(self, count: int, what: str) -> Ints:
        """Return the next numbers; raise `Invalid` where the text ends before them."""
        end = self._at + count
        if end > self._all.size:
            last = self._text.rstrip().count("\n") + 1
            raise Invalid(
                f"{self._name}, line {last}: the file ends where {what} must follow", hint=HINT
            )
        found = self._all[self._at : end]
        self._at = end
        return found

    def one(self, what: str) -> int:
        """Return the next number."""
        return int(self.take(1, what)[0])

    def refuse(self, wrong: npt.NDArray[np.bool_], message: str) -> None:
        """Raise `Invalid` where one of the numbers taken last is wrong.

        `wrong` says so of each; `{}` in the message stands for the number.
        """
        if wrong.any():
            index = self._at - wrong.size + int(np.argmax(wrong))
            raise self.wrong(index, message.format(int(self._all[index])))

    def finish(self) -> None:
        """Raise `Invalid` if numbers are left."""
        left = self._all.size - self._at
        if left:
            raise self.wrong(self._at, f"{left} more numbers than the file needs")

    def wrong(self, index: int, message: str) -> Invalid:
        """Return an error about a number."""
        seen = 0
        for line, words in enumerate(self._text.split("\n"), start=1):
            seen += len(words.split())
            if seen > index:
                return Invalid(f"{self._name}, line {line}: {message}", hint=HINT)
        return Invalid(f"{self._name}: {message}", hint=HINT)

    def _strange(self) -> Invalid:
        for line, words in enumerate(self._text.split("\n"), start=1):
            for word in words.split():
                if not _NUMBER.fullmatch(word):
                    text = f"{word[:20]!r} is not a whole number of zero or more"
                    return Invalid(f"{self._name}, line {line}: {text}", hint=HINT)
        return Invalid(f"{self._name}: this is not whole numbers between white space", hint=HINT)


def read(model: str, assignment: str) -> Problem:
    """Return what a model and the assignment to begin with say.

    Raise `Invalid` with the line that is wrong, or where that assignment is not allowed.
    """
    numbers = Numbers(model, "the model")
    resources = _size(numbers, "resources")
    kinds = numbers.take(2 * resources, "the resources").reshape(-1, 2)
    numbers.refuse((kinds[:, 0] > 1).repeat(2), "a resource must begin with 0 or 1")
    places = _machines(numbers, resources)
    spread, depends = _services(numbers)
    service, required, price = _processes(numbers, resources, len(depends))
    balances = _balances(numbers, resources)
    weights = numbers.take(3, "the weights of moves").tolist()
    numbers.finish()
    machines = places.shape[0]
    ends = 2 + resources, 2 + 2 * resources
    problem = Problem(
        transient=kinds[:, 0] == 1,
        load_weight=kinds[:, 1].copy(),
        neighbourhood=places[:, 0].copy(),
        location=places[:, 1].copy(),
        capacity=places[:, 2 : ends[0]].copy(),
        safe=places[:, ends[0] : ends[1]].copy(),
        way_price=places[:, ends[1] :].astype(np.int32),
        spread=spread,
        depends=depends,
        service=service,
        required=required,
        price=price,
        balances=balances,
        process_weight=weights[0],
        service_weight=weights[1],
        machine_weight=weights[2],
        home=read_assignment(assignment, machines, service.shape[0]),
    )
    _bounded(problem)
    check_start(problem)
    return problem


def read_assignment(text: str, machines: int, processes: int) -> Ints:
    """Return the machine of each process; raise `Invalid` with the line that is wrong."""
    numbers = Numbers(text, "the assignment")
    where = numbers.take(processes, f"a machine for each of {processes} processes")
    numbers.refuse(where >= machines, f"there is no machine {{}}, the last is {machines - 1}")
    numbers.finish()
    return where.copy()


def write(where: Ints) -> str:
    """Return the text of an assignment."""
    return " ".join(map(str, where.tolist())) + "\n"


def _size(numbers: Numbers, what: str) -> int:
    size = numbers.one(f"the number of {what}")
    if size == 0:
        numbers.refuse(np.ones(1, dtype=bool), f"there are {{}} {what}")
    return size


def _machines(numbers: Numbers, resources: int) -> Ints:
    count = _size(numbers, "machines")
    width = 2 + 2 * resources + count
    rows = numbers.take(count * width, f"{count} machines").reshape(count, width)
    wrong = np.zeros(rows.shape, dtype=bool)
    wrong[:, 2 + 2 * resources :] = rows[:, 2 + 2 * resources :] >= 2**31
    numbers.refuse(wrong.ravel(), "{} is too much for the price of a way")
    return rows


def _services(numbers: Numbers) -> tuple[Ints, tuple[tuple[int, ...], ...]]:
    count = _size(numbers, "services")
    spread, depends = [], []
    for service in range(count):
        least, needs = numbers.take(2, f"service {service}").tolist()
        spread.append(least)
        others = numbers.take(needs, f"what service {service} depends on")
        numbers.refuse(others >= count, f"there is no service {{}}, the last is {count - 1}")
        depends.append(tuple(others.tolist()))
    return np.array(spread, dtype=np.int64), tuple(depends)


def _processes(numbers: Numbers, resources: int, services: int) -> tuple[Ints, Ints, Ints]:
    count = _size(numbers, "processes")
    width = resources + 2
    rows = numbers.take(count * width, f"{count} processes").reshape(count, width)
    wrong = np.zeros(rows.shape, dtype=bool)
    wrong[:, 0] = rows[:, 0] >= services
    numbers.refuse(wrong.ravel(), f"there is no service {{}}, the last is {services - 1}")
    return rows[:, 0].copy(), rows[:, 1:-1].copy(), rows[:, -1].copy()


def _balances(numbers: Numbers, resources: int) -> Ints:
    count = numbers.one("the number of balances")
    rows = numbers.take(4 * count, f"{count} balances").reshape(count, 4)
    wrong = np.zeros(rows.shape, dtype=bool)
    wrong[:, :2] = rows[:, :2] >= resources
    numbers.refuse(wrong.ravel(), f"there is no resource {{}}, the last is {resources - 1}")
    return rows.copy()


def _bounded(problem: Problem) -> None:
    """Refuse numbers whose sums do not fit into 64 bits."""
    most = problem.required.sum(axis=0, dtype=np.float64)
    most = np.maximum(most, problem.capacity.sum(axis=0, dtype=np.float64))
    total = float(most @ problem.load_weight.astype(np.float64))
    for first, _, target, weight in problem.balances.tolist():
        total += float(weight) * target * float(most[first])
    total += float(problem.price.sum()) * problem.process_weight
    total += float(problem.processes) * problem.service_weight
    total += float(problem.processes) * int(problem.way_price.max()) * problem.machine_weight
    if total > LARGEST_COST:
        raise Invalid(
            f"the costs may reach {total:.3g}, which is too much to count exactly",
            hint=f"state sizes in a larger unit; costs must stay below {LARGEST_COST:.3g}",
        )
