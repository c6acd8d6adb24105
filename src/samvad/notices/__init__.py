"""What people are told: on a page, by mail, by Web Push. Others call `notices.service.tell`."""
