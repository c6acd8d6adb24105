"""The site for those who write: the only room that speaks HTML."""
