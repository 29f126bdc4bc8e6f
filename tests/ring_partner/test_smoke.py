async def test_it_loads(hass, linked, cloud):
    print(cloud.requests)
    for s in hass.states.async_all():
        print(s.entity_id, s.state, s.attributes.get("unit_of_measurement"))
    assert linked.state.name == "LOADED"
