"""Python, node and perl save: one PATCH each, and what they say to a refusal."""
import pytest

from programs import SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_saves(desk, name):
    desk.saves_twice(SCRIPTS[name])


@pytest.mark.parametrize("name", SCRIPTS)
def test_is_refused_and_then_saves(desk, name):
    desk.saves_after_a_refusal(SCRIPTS[name])
