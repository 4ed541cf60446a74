"""Shells and tools save: one PATCH each, and what they say to a refusal."""
import pytest

from programs import TOOLS


@pytest.mark.parametrize("name", TOOLS)
def test_saves(desk, name):
    desk.saves_twice(TOOLS[name])


@pytest.mark.parametrize("name", TOOLS)
def test_is_refused_and_then_saves(desk, name):
    desk.saves_after_a_refusal(TOOLS[name])
