"""What does not fit in a calendar: bookings that break its rules, halves of bookings, and schedules nobody can book."""
