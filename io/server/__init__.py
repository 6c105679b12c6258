"""The HTTP face: FHIR's RESTful interface and the scheduling operations over HTTP (extra `server`)."""
