"""Posts: text, photo, video and the timeline of those one follows. Nothing is here yet.

What belongs here: the models of a post and its media, who may see it, the timeline's query,
the transcodes the worker does, and a service.py that pages, API and federation call.
"""
