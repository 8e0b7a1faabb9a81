import asyncio

async def weather(city):                      # stands for a request to the service
    await asyncio.sleep(0.01 if city == "Tokyo" else 0.02)
    if city == "Atlantis":
        raise LookupError("no such city")
    return "Clouds"

async def report(city, places):
    async with places:                        # at most two requests at a time
        try:
            async with asyncio.timeout(1):
                return f"{city}: {await weather(city)}"
        except LookupError as error:
            return f"{city}: {error}"
        except TimeoutError:
            return f"{city}: too late"

async def main(cities):
    places = asyncio.Semaphore(2)
    return await asyncio.gather(*(report(city, places) for city in cities))

answers = asyncio.run(main(["Moscow", "Atlantis", "Tokyo"]))
assert answers == ["Moscow: Clouds", "Atlantis: no such city", "Tokyo: Clouds"]
