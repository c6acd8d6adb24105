"""Federation: ActivityPub and cross-posting. Nothing is here yet.

What belongs here: actors and WebFinger for handles, signatures, the inbox, deliveries (done
by the worker), and the translation between our posts and events and ActivityStreams objects.
It may import posts, events and accounts; they never import it.
"""
