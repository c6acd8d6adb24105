"""Announced conversations: their life, their plan for the live plane, what became of them."""
