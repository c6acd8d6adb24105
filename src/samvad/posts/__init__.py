"""Posts: text, photo, video, and the timelines that are read of them.

service.py and marks.py change, seen.py says who may read, timelines.py which posts and cards.py
with what. Pages, API and federation call these.
"""
