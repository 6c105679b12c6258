"""Calendar files (RFC 5545): busy time out of them, and what is booked into them. The extra `slotwright[ical]`."""
