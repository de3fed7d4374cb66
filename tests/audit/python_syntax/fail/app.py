def answer():
    return 42

if answer() == 42
    print('right')
