async def test_a_photograph_comes_back_as_faces_with_all_seven_emotions(service):
    alice = await service.signed_in()
    answer = await service.detect(alice)
    assert answer.status_code == 200
    print(answer.json(), answer.headers)
