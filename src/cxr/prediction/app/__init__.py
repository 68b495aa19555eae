"""A bundle in, a server out that answers X-rays with JSON, and the page that shows the answers. Needs FastAPI."""
