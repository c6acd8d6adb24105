"""Addresses of posts, timelines, ties and media."""

from django.urls import path, re_path

from samvad.posts.names import MEDIUM, POST_ID
from samvad.web.pages import media, posts, search, ties, timelines

_WHO = r"^@(?P<handle>[a-z0-9_]{2,30})"
_POST = rf"{_WHO}/(?P<post_id>{POST_ID})"

urlpatterns = [
    path("home", timelines.home, name="home"),
    path("local", timelines.local, name="local"),
    re_path(r"^tags/(?P<tag>[^/?#]{1,200})$", timelines.tag, name="tag"),
    path("bookmarks", timelines.bookmarks, name="bookmarks"),
    path("search", search.search, name="search"),
    path("compose", posts.compose, name="compose"),
    re_path(rf"^p/(?P<post_id>{POST_ID})$", posts.by_id, name="post_by_id"),
    re_path(
        rf"^p/(?P<post_id>{POST_ID})/(?P<act>like|bookmark|repost|pin)$", posts.act, name="post_act"
    ),
    re_path(rf"{_POST}$", posts.post, name="post"),
    re_path(rf"{_POST}/history$", posts.history, name="post_history"),
    re_path(rf"{_POST}/edit$", posts.edit, name="post_edit"),
    re_path(rf"{_POST}/captions$", posts.captions, name="post_captions"),
    re_path(rf"{_POST}/delete$", posts.delete, name="post_delete"),
    re_path(rf"{_WHO}/followers$", ties.followers, name="followers"),
    re_path(rf"{_WHO}/follows$", ties.follows, name="follows"),
    re_path(rf"{_WHO}/tie/(?P<act>follow|mute|block)$", ties.tie, name="tie"),
    path("lists/", ties.lists, name="lists"),
    path("lists/<int:list_id>", ties.people_list, name="list"),
    path("lists/<int:list_id>/people", ties.list_people, name="list_people"),
    path("lists/<int:list_id>/delete", ties.list_delete, name="list_delete"),
    path("uploads/", media.begin, name="uploads"),
    path("uploads/photo", media.photo, name="upload_photo"),
    re_path(rf"^uploads/(?P<name>{MEDIUM})$", media.go_on, name="upload"),
    re_path(rf"^uploads/(?P<name>{MEDIUM})/state$", media.state, name="upload_state"),
]
