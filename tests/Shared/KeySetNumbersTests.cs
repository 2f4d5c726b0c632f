using DistSgd.Shared.Exchange;

namespace DistSgd.Shared.Tests;

public sealed class KeySetNumbersTests
{
    [Fact]
    public void Numbers_OfRandomUse_AgreeWithAServerThatKeepsWhatItIsTold_WithinTheBounds()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            var random = new Random(seed);
            int sets = random.Next(1, 8), bytes = random.Next(1, 200) * 4;
            KeySet[] all = [.. Enumerable.Range(1, 12).Select(count => KeySet.List([.. Enumerable.Range(0, count * 3).Select(key => (uint)key)]))];
            var numbers = new KeySetNumbers();
            numbers.Reset(sets, bytes);
            var server = new Dictionary<uint, KeySet>();
            for (int i = 0; i < 500; i++)
            {
                KeySet keys = all[random.Next(all.Length)];
                (uint set, bool isListed) = numbers.Use(keys, 0, keys.Count, 0);
                Assert.InRange(set, 0u, (uint)sets);
                if (set == 0)
                    Assert.True(isListed, $"seed {seed}: a list that isn't kept must be sent");
                else if (isListed)
                    server[set] = keys;
                else
                    Assert.True(ReferenceEquals(server[set], keys), $"seed {seed}, step {i}: number {set} stands for another list");
                if (random.Next(20) == 0)
                    numbers.Forget((uint)random.Next(1, sets + 1));
            }
        }
    }

    [Fact]
    public void TheSetUsedLongestAgo_MakesRoom_ButNotTheOneInUse()
    {
        var numbers = new KeySetNumbers();
        numbers.Reset(setsMax: 2, bytesMax: 1000);
        KeySet[] all = [KeySet.List([1]), KeySet.List([2]), KeySet.List([3])];
        Assert.Equal((1u, true), numbers.Use(all[0], 0, 1, 0));
        Assert.Equal((2u, true), numbers.Use(all[1], 0, 1, 0));
        Assert.Equal((1u, false), numbers.Use(all[0], 0, 1, 0));
        Assert.Equal((2u, true), numbers.Use(all[2], 0, 1, 0));
        Assert.Equal((1u, false), numbers.Use(all[0], 0, 1, 0));
        Assert.Equal((0u, true), numbers.Use(all[1], 0, 1, inUse: 2));
        numbers.Reset(0, 0);
        Assert.Equal((0u, true), numbers.Use(all[0], 0, 1, 0));
    }
}
