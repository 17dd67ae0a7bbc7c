"""One simulation of everything: the real engine, guard, watch and planners, and a world that fails.

A trial is a pool, its managers, what people ask of them and what goes wrong, all drawn from one
seed. Time is virtual, and one thread does everything in an order that is drawn too, so that a
trial can be played again. `oracle` judges after each event, by the world alone.

    python -m tests.simulation.trial --faults 10000 --seed 1
"""
