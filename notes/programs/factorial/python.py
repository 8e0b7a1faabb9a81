import math
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

def solve(number):
    return math.factorial(number).bit_length()

def main(numbers):
    in_a_row = [solve(number) for number in numbers]
    with ThreadPoolExecutor(2) as pool:
        on_threads = list(pool.map(solve, numbers))
    with ProcessPoolExecutor(2) as pool:
        on_processes = list(pool.map(solve, numbers, chunksize=25))
    assert in_a_row == on_threads == on_processes

if __name__ == "__main__":                    # a worker of a process pool may import this file
    main(range(100))
