"""What two rooms must agree on: tickets, media, plans, facts, and how they travel."""
