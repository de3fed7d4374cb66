URL = 'http://rag:8000/ask'
HERE = 'http://localhost:8000'
