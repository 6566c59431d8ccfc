"""The HTTP API and the status page, over FastAPI and uvicorn."""
