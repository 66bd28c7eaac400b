"""Markov chains and Shapley values over journeys, in fractions: nothing here is rounded.

A journey is the tuple of channels that it passed, and whether it ended in a conversion.
"""

from collections import Counter
from fractions import Fraction
from itertools import combinations
from math import factorial

START, CONVERSION, NOTHING = "(start)", "(conversion)", "(nothing)"

Journeys = list[tuple[tuple[str, ...], bool]]
Transitions = Counter[tuple[str, str]]


def transitions(journeys: Journeys) -> Transitions:
    """How often each state was followed by each other one."""
    counted: Transitions = Counter()
    for steps, converted in journeys:
        states = (START, *steps, CONVERSION if converted else NOTHING)
        counted.update(zip(states, states[1:]))
    return counted


def leaving(counted: Transitions) -> Counter[str]:
    """How often each state was left."""
    left: Counter[str] = Counter()
    for (state, _), times in counted.items():
        left[state] += times
    return left


def conversion_probability(counted: Transitions, removed: str | None = None) -> Fraction:
    """The chance to get from the start to the conversion; whoever steps into the removed channel gets nowhere."""
    left = leaving(counted)
    states = sorted(left)
    # One equation for each state: its chance is the mean of the chances of where it leads.
    equations = []
    for state in states:
        row = [Fraction(int(other == state)) for other in states] + [Fraction(0)]
        for (source, target), times in counted.items():
            if source != state or target == removed:
                continue
            if target == CONVERSION:
                row[-1] += Fraction(times, left[state])
            elif target != NOTHING:
                row[states.index(target)] -= Fraction(times, left[state])
        equations.append(row)
    return dict(zip(states, solved(equations), strict=True)).get(START, Fraction(0))


def solved(equations: list[list[Fraction]]) -> list[Fraction]:
    """The unknowns of a square system, each row of which ends in its right side."""
    rows = [list(row) for row in equations]
    for column in range(len(rows)):
        pivot = next(n for n in range(column, len(rows)) if rows[n][column] != 0)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [item / rows[column][column] for item in rows[column]]
        for n, row in enumerate(rows):
            if n != column and row[column] != 0:
                rows[n] = [mine - row[column] * its for mine, its in zip(row, rows[column], strict=True)]
    return [row[-1] for row in rows]


def removal_effects(counted: Transitions) -> dict[str, Fraction]:
    """By what part fewer conversions there were without each channel; where there are none, nobody has an effect."""
    channels = sorted(set(leaving(counted)) - {START})
    whole = conversion_probability(counted)
    if not whole:
        return dict.fromkeys(channels, Fraction(0))
    return {channel: 1 - conversion_probability(counted, channel) / whole for channel in channels}


def shapley_values(journeys: Journeys) -> dict[str, Fraction]:
    """What each channel adds, on average over all orders of arrival, to the conversion rate of journeys within."""
    journeys_of: Counter[frozenset[str]] = Counter()
    conversions_of: Counter[frozenset[str]] = Counter()
    for steps, converted in journeys:
        journeys_of[frozenset(steps)] += 1
        conversions_of[frozenset(steps)] += converted
    players = sorted(frozenset().union(*journeys_of))
    coalitions = [frozenset(each) for size in range(len(players) + 1) for each in combinations(players, size)]
    rate = {}
    for coalition in coalitions:
        inside = [channels for channels in journeys_of if channels <= coalition]
        total = sum(journeys_of[channels] for channels in inside)
        rate[coalition] = Fraction(sum(conversions_of[channels] for channels in inside), total or 1)
    values = dict.fromkeys(players, Fraction(0))
    for coalition in coalitions:
        for player in values.keys() - coalition:
            orders = factorial(len(coalition)) * factorial(len(players) - len(coalition) - 1)
            values[player] += Fraction(orders, factorial(len(players))) * (rate[coalition | {player}] - rate[coalition])
    return values
