"""Schedules to be looked at: what is drawn, as data, and the pages made of it."""
