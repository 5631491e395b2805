"""Recipes: functions that return whole configurations, named after what they make."""
