from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext_lazy as _

from samvad.accounts.models import ApiToken, User


@admin.register(User)
class AccountAdmin(UserAdmin):  # type: ignore[type-arg]
    ordering = ("handle",)
    list_display = ("handle", "display_name", "email", "is_active", "is_staff", "joined_at")
    list_filter = ("is_active", "is_staff")
    search_fields = ("handle", "display_name", "email")
    readonly_fields = ("joined_at", "last_login")
    filter_horizontal = ("groups", "user_permissions")
    fieldsets = (
        (None, {"fields": ("handle", "display_name", "email", "password")}),
        (
            _("Standing"),
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        (_("Dates"), {"fields": ("joined_at", "last_login")}),
    )
    add_fieldsets = ((None, {"fields": ("handle", "usable_password", "password1", "password2")}),)


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("user", "name", "created_at")
    list_select_related = ("user",)
    readonly_fields = ("user", "created_at")
    fields = ("user", "name", "created_at")

    def has_add_permission(self, request: object) -> bool:
        return False  # a token is shown once, where it is made; here it could not be
