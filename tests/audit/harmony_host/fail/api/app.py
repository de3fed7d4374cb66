URL = 'http://rag:8000/ask'
