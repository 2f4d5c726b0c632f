using DistSgd.Learning.Optimizers;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Tests.Shards;

public sealed class ParameterShardTests
{
    [Fact]
    public void Push_SgdOnASquare_HalvesItEachStep()
    {
        // J(z) = z², z₀ = 2, η = 0.25: z = 2, 1, 0.5, … exactly.
        using ParameterShard shard = Jobs.Shard(Jobs.Make(rate: 0.25));
        shard.Push(Jobs.Delta(1), ShardKeys.Of([5]), [2f]);
        for (int t = 1; t <= 20; t++)
        {
            float z = Jobs.Values(shard)[5];
            Assert.Equal(2f * MathF.Pow(0.5f, t - 1), z);
            shard.Push(Jobs.Gradient((ulong)t + 1), t % 2 == 0 ? ShardKeys.Of([5]) : ShardKeys.Range(5, 1), [2f * z]);
        }
    }

    [Fact]
    public void Push_AdaGrad_TakesTheHandComputedSteps()
    {
        // r: 9 then 25; w: −0.5·3/3 = −0.5, then −0.5 − 0.5·4/5 = −0.9.
        foreach (bool list in (bool[])[false, true])
        {
            using ParameterShard shard = Jobs.Shard(Jobs.Make(optimizer: OptimizerKind.AdaGrad, rate: 0.5));
            shard.Push(Jobs.Gradient(1), list ? ShardKeys.Of([3]) : ShardKeys.Range(3, 1), [3f]);
            Assert.Equal((float[])[-0.5f, 9f], Jobs.Entries(shard)[6..8]);
            shard.Push(Jobs.Gradient(2), list ? ShardKeys.Of([3]) : ShardKeys.Range(3, 1), [4f]);
            float[] entry = Jobs.Entries(shard)[6..8];
            Assert.Equal(-0.9f, entry[0], 1e-6f);
            Assert.Equal(25f, entry[1]);
        }
    }

    [Fact]
    public void Push_GradientAtAStep_UsesTheSchedulesRateThere()
    {
        using ParameterShard shard = Jobs.Shard(Jobs.Make(rate: 1, schedule: ScheduleKind.Linear));
        shard.Push(Jobs.Gradient(1, step: 750), ShardKeys.Of([0]), [1f]);
        Assert.Equal(-0.25f, Jobs.Values(shard)[0]);
    }

    [Fact]
    public void Push_SentTwice_IsAppliedOnce()
    {
        using ParameterShard shard = Jobs.Shard(Jobs.Make());
        Assert.True(shard.Push(Jobs.Delta(1), ShardKeys.Range(0, 3), [1f, 2f, 3f]));
        Assert.False(shard.Push(Jobs.Delta(1), ShardKeys.Range(0, 3), [1f, 2f, 3f]));
        Assert.True(shard.Push(Jobs.Delta(1, source: 2), ShardKeys.Range(0, 3), [1f, 2f, 3f]));
        Assert.Equal((float[])[2f, 4f, 6f, 0f], Jobs.Values(shard)[..4]);
        Assert.Equal((2, 1, 0), (shard.Figures.Version, shard.Figures.Duplicates, shard.Figures.Refused));
    }

    [Fact]
    public void Push_DenseFromManyThreadsAtOnce_LosesNothing()
    {
        // More than two stripes; small integers add exactly in float32.
        const int Features = 40_000, Threads = 4, Pushes = 30;
        foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
        {
            using ParameterShard shard = Jobs.Shard(Jobs.Make(Features, optimizer));
            int stride = shard.Floats.Of(PullPart.Entries);
            Parallel(Threads, thread =>
            {
                float[] ones = [.. Enumerable.Repeat(1f, 30_001 * stride)];
                for (ulong i = 1; i <= Pushes; i++)
                    Assert.True(shard.Push(Jobs.Delta(i, source: (ulong)thread), ShardKeys.Range(thread * 3_000, 30_001), ones));
            });
            float[] values = Jobs.Values(shard);
            for (int key = 0; key < values.Length; key++)
            {
                int expected = Enumerable.Range(0, Threads).Count(thread => key >= thread * 3_000 && key < thread * 3_000 + 30_001) * Pushes;
                Assert.True(values[key] == expected, $"{optimizer}, key {key}: {values[key]}, expected {expected}");
            }
            Assert.Equal(Threads * Pushes, shard.Version);
        }
    }

    [Fact]
    public void Push_DenseGradientsFromManyThreadsAtOnce_LosesNothing()
    {
        const int Features = 20_000, Threads = 4, Pushes = 40;
        using ParameterShard shard = Jobs.Shard(Jobs.Make(Features, rate: 1));
        Parallel(Threads, thread =>
        {
            float[] gradient = [.. Enumerable.Repeat(-1f, Features)];
            for (ulong i = 1; i <= Pushes; i++)
                shard.Push(Jobs.Gradient(i, source: (ulong)thread), ShardKeys.Range(0, Features), gradient);
        });
        Assert.All(Jobs.Values(shard)[..Features], value => Assert.Equal(Threads * Pushes, value));
    }

    [Fact]
    public void Push_ListsOfThreadsThatShareNoKey_LosesNothing()
    {
        const int Threads = 4, Pushes = 200;
        using ParameterShard shard = Jobs.Shard(Jobs.Make(4_000, sparse: true));
        Parallel(Threads, thread =>
        {
            uint[] keys = [.. Enumerable.Range(0, 1_000).Select(i => (uint)(i * Threads + thread))];
            float[] ones = [.. Enumerable.Repeat(1f, keys.Length)];
            for (ulong i = 1; i <= Pushes; i++)
                shard.Push(Jobs.Delta(i, source: (ulong)thread), ShardKeys.Of(keys), ones);
        });
        Assert.All(Jobs.Values(shard)[..4_000], value => Assert.Equal(Pushes, value));
        Assert.Equal(Threads * Pushes, shard.Version);
    }

    [Fact]
    public void Push_SameNameFromManyThreadsAtOnce_IsAppliedOnce()
    {
        const int Threads = 4, Names = 300;
        using ParameterShard shard = Jobs.Shard(Jobs.Make());
        int admitted = 0;
        Parallel(Threads, _ =>
        {
            for (ulong i = 1; i <= Names; i++)
            {
                if (shard.Push(Jobs.Delta(i), ShardKeys.Range(0, 1), [1f]))
                    Interlocked.Increment(ref admitted);
            }
        });
        Assert.Equal(Names, admitted);
        Assert.Equal(Names, Jobs.Values(shard)[0]);
        Assert.Equal((Names, (Threads - 1) * Names), (shard.Figures.Version, shard.Figures.Duplicates));
    }

    [Fact]
    public void Push_RandomListsAndRanges_EqualsADumbArray()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
            {
                using ParameterShard shard = Jobs.Shard(Jobs.Make(90, optimizer));
                int stride = shard.Floats.Of(PullPart.Entries);
                var twin = new float[91 * stride];
                for (ulong sequence = 1; sequence <= 30; sequence++)
                {
                    uint[] keys = [.. Enumerable.Range(0, 91).Where(_ => random.Next(3) == 0).Select(key => (uint)key)];
                    bool range = random.Next(2) == 0;
                    if (range)
                        keys = [.. Enumerable.Range(random.Next(80), random.Next(11)).Select(key => (uint)key)];
                    float[] values = [.. Enumerable.Range(0, keys.Length * stride).Select(_ => (float)random.NextDouble())];
                    shard.Push(Jobs.Delta(sequence), range ? ShardKeys.Range(keys.FirstOrDefault(), keys.Length) : ShardKeys.Of(keys), values);
                    for (int i = 0; i < values.Length; i++)
                        twin[keys[i / stride] * stride + i % stride] += values[i];
                }
                Assert.True(twin.AsSpan().SequenceEqual(Jobs.Entries(shard)), $"seed {seed}, {optimizer}");
                uint[] some = [2, 3, 17, 64, 90];
                var pulled = new float[some.Length * stride];
                shard.Pull(ShardKeys.Of(some), PullPart.Entries, pulled);
                Assert.Equal((float[])[.. some.SelectMany(key => twin[((int)key * stride)..((int)key * stride + stride)])], pulled);
                var valuesOnly = new float[some.Length];
                shard.Pull(ShardKeys.Of(some), PullPart.Values, valuesOnly);
                Assert.Equal((float[])[.. some.Select(key => twin[key * stride])], valuesOnly);
            }
        }
    }

    [Fact]
    public void Push_Refused_ChangesNothingAndIsCounted()
    {
        using ParameterShard shard = Jobs.Shard(Jobs.Make(63));
        shard.Push(Jobs.Delta(1), ShardKeys.Range(0, 64), [.. Enumerable.Range(0, 64).Select(i => (float)i)]);
        float[] before = Jobs.Values(shard);
        var refusals = new (string What, ParameterFault Fault, PushHeader Header, uint[]? List, long First, float[] Values)[]
        {
            ("NaN", ParameterFault.NotFinite, Jobs.Delta(2), null, 0, [1f, float.NaN]),
            ("infinite", ParameterFault.NotFinite, Jobs.Gradient(2), [1, 2], 0, [float.PositiveInfinity, 1f]),
            ("needs 2 values, not 3", ParameterFault.Invalid, Jobs.Delta(2), [1, 2], 0, [1f, 1f, 1f]),
            ("strictly ascending", ParameterFault.Invalid, Jobs.Delta(2), [2, 1], 0, [1f, 1f]),
            ("strictly ascending", ParameterFault.Invalid, Jobs.Delta(2), [2, 2], 0, [1f, 1f]),
            ("beyond the shard's 64 keys", ParameterFault.Invalid, Jobs.Delta(2), [63, 64], 0, [1f, 1f]),
            ("beyond the shard's 64 keys", ParameterFault.Invalid, Jobs.Delta(2), [uint.MaxValue], 0, [1f]),
            ("beyond the shard's 64 keys", ParameterFault.Invalid, Jobs.Delta(2), null, 63, [1f, 1f]),
            ("beyond the shard's 64 keys", ParameterFault.Invalid, Jobs.Delta(2), null, long.MaxValue, [1f, 1f]),
            ("beyond the shard's 64 keys", ParameterFault.Invalid, Jobs.Delta(2), null, -1, [1f, 1f]),
            ("counts from 1", ParameterFault.Invalid, Jobs.Delta(0), null, 0, [1f]),
            ("rate sum", ParameterFault.Invalid, Jobs.Delta(2, rateSum: double.NaN), null, 0, [1f]),
            ("rate sum", ParameterFault.Invalid, Jobs.Delta(2, rateSum: -1), null, 0, [1f]),
            ("step", ParameterFault.Invalid, Jobs.Gradient(2, step: -1), null, 0, [1f]),
        };
        foreach (var (what, fault, header, list, first, values) in refusals)
        {
            int count = values.Length == 3 ? 2 : values.Length;
            ParameterException refused = Assert.Throws<ParameterException>(() => shard.Push(header, list is null ? ShardKeys.Range(first, count) : ShardKeys.Of(list), values));
            Assert.Contains(what, refused.Message, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("'job'", refused.Message, StringComparison.Ordinal);
            Assert.Equal(fault, refused.Fault);
        }
        Assert.Equal(before, Jobs.Values(shard));
        Assert.Equal((1, 0, refusals.Length), (shard.Figures.Version, shard.Figures.Duplicates, shard.Figures.Refused));
        Assert.True(shard.Push(Jobs.Delta(2), ShardKeys.Range(0, 1), [1f]), "a refused push must not use up its name");
    }

    [Fact]
    public void Pull_KeysOutsideOrOutOfOrder_IsRefused()
    {
        using ParameterShard shard = Jobs.Shard(Jobs.Make(63));
        Assert.Throws<ParameterException>(() => shard.Pull(ShardKeys.Range(60, 5), PullPart.Values, new float[5]));
        Assert.Throws<ParameterException>(() => shard.Pull(ShardKeys.Range(long.MaxValue, 1), PullPart.Values, new float[1]));
        Assert.Throws<ParameterException>(() => shard.Pull(ShardKeys.Of([1, 1]), PullPart.Values, new float[2]));
        Assert.Throws<ParameterException>(() => shard.Pull(ShardKeys.Of([64]), PullPart.Values, new float[1]));
        Assert.Throws<ParameterException>(() => shard.Pull(ShardKeys.Range(0, 2), PullPart.Values, new float[3]));
    }

    [Fact]
    public void Push_ComputedFromAnOldVersion_IsCountedAsThatStale()
    {
        using ParameterShard shard = Jobs.Shard(Jobs.Make());
        for (ulong sequence = 1; sequence <= 6; sequence++)
            shard.Push(Jobs.Delta(sequence, readVersion: 0), ShardKeys.Range(0, 1), [1f]);
        // Staleness 0, 1, 2, 3, 4, 5.
        Assert.Equal((long[])[1, 1, 2, 2], shard.Figures.Staleness[..4]);
        Assert.Equal(6, shard.Pull(ShardKeys.Range(0, 1), PullPart.Values, new float[1]));
    }

    [Fact]
    public void Figures_PushesAndPulls_CountPayloadBytes()
    {
        using ParameterShard shard = Jobs.Shard(Jobs.Make());
        shard.Push(Jobs.Delta(1), ShardKeys.Range(0, 10), new float[10]);
        shard.Push(Jobs.Delta(2), ShardKeys.Of([1, 2, 3]), new float[3]);
        shard.Pull(ShardKeys.Of([1, 2]), PullPart.Values, new float[2]);
        Assert.Equal((40 + 24, 8), (shard.Figures.BytesPushed, shard.Figures.BytesPulled));
    }

    [Fact]
    public void Dispose_WhileCallsAreUnderWay_LetsThemEndAndRefusesTheRest()
    {
        for (int round = 0; round < 20; round++)
        {
            ParameterShard shard = Jobs.Shard(Jobs.Make(20_000, OptimizerKind.AdaGrad, sparse: true, l2: 0.1));
            using var begun = new CountdownEvent(4);
            Parallel(5, thread =>
            {
                if (thread == 4)
                {
                    begun.Wait(TimeSpan.FromSeconds(30));
                    shard.Dispose();
                    shard.Dispose();
                    return;
                }
                var values = new float[20_000];
                shard.Pull(ShardKeys.Range(0, values.Length), PullPart.Values, values);
                begun.Signal();
                ParameterException closed = Assert.Throws<ParameterException>(() =>
                {
                    for (ulong i = 1; i < 10_000_000; i++)
                    {
                        if (thread % 2 == 0)
                            shard.Pull(ShardKeys.Range(0, values.Length), PullPart.Values, values);
                        else
                            shard.Push(Jobs.Gradient(i, source: (ulong)thread), ShardKeys.Range(0, values.Length), values);
                    }
                });
                Assert.Equal(ParameterFault.NotFound, closed.Fault);
            });
        }
    }

    [Fact]
    public void Shard_LargerThanOneMayBe_IsRefusedWithAdvice()
    {
        ParameterException refused = Assert.Throws<ParameterException>(() => new ParameterShard(Jobs.Make(3_000_000_000), 0, new KeyRange(0, 3_000_000_000)));
        Assert.Contains("more shards", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Registry_ActivatedAgain_KeepsItsShardsAndNeedsNoMoreMemory()
    {
        TrainingJob job = Jobs.Make(63);
        using var registry = new ShardRegistry(bytesMax: 300);
        ShardPlacement[] placements = [new(0, new KeyRange(0, 64), "a:1")];
        Assert.Equal(256, registry.Activate(job, placements));
        registry.Find("job", 0).Push(Jobs.Delta(1), ShardKeys.Range(0, 1), [1f]);
        Assert.Equal(256, registry.Activate(job, placements));
        Assert.Equal(1, registry.Find("job", 0).Version);
        ParameterException full = Assert.Throws<ParameterException>(() => registry.Activate(job with { Name = "other" }, placements));
        Assert.Equal(ParameterFault.Exhausted, full.Fault);
        ParameterException unknown = Assert.Throws<ParameterException>(() => registry.Find("job", 7));
        Assert.EndsWith("or the server was restarted, and its shards are lost. Start the job again.", unknown.Message, StringComparison.Ordinal);
        Assert.Contains("'job' 0", unknown.Message, StringComparison.Ordinal);
        registry.Deactivate("job");
        Assert.Throws<ParameterException>(() => registry.Find("job", 0));
        Assert.Equal(256, registry.Activate(job with { Name = "other" }, placements));
    }

    [Theory]
    [InlineData("Shard 0 of job 'job' is named twice", 0, 0, 10, 0, 0, 10)]
    [InlineData("Shards 0 and 1 of job 'job' overlap, on keys 3 to 4", 0, 0, 5, 1, 3, 7)]
    [InlineData("Shards 1 and 0 of job 'job' overlap, on keys 3 to 4", 0, 3, 7, 1, 0, 5)]
    [InlineData("Shards 9 and 0 of job 'job' overlap, on keys 62 to 63", 0, 62, 2, 1, 0, 5)]
    public void Registry_AskedForAKeyInTwoShards_RefusesAndKeepsWhatItHad(string says, int first, int firstKey, int count, int second, int secondKey, int more)
    {
        TrainingJob job = Jobs.Make(63);
        using var registry = new ShardRegistry(bytesMax: 1 << 20);
        registry.Activate(job, [new(9, new KeyRange(60, 4), "")]);
        ShardPlacement[] wanted = [new(first, new KeyRange(firstKey, count), ""), new(second, new KeyRange(secondKey, more), "")];
        ParameterException refused = Assert.Throws<ParameterException>(() => registry.Activate(job, wanted));
        Assert.Equal(ParameterFault.Invalid, refused.Fault);
        Assert.StartsWith(says, refused.Message, StringComparison.Ordinal);
        Assert.Equal([9], registry.All.Select(shard => shard.Number));
        registry.Activate(job, [new(0, new KeyRange(0, 30), ""), new(1, new KeyRange(30, 30), ""), new(9, new KeyRange(60, 4), "")]);
        Assert.Equal(3, registry.All.Count);
    }

    [Fact]
    public void Registry_ThatCantMakeOneOfTheShards_MakesNone()
    {
        TrainingJob job = Jobs.Make(uint.MaxValue - 1L);
        using var registry = new ShardRegistry(bytesMax: long.MaxValue);
        ParameterException refused = Assert.Throws<ParameterException>(() => registry.Activate(job, [new(0, new KeyRange(0, 16), ""), new(1, new KeyRange(16, Array.MaxLength + 1L), "")]));
        Assert.Equal("A shard of 2,147,483,592 keys with 1 floats each takes 2,147,483,592 floats of memory; one shard may take 2,147,483,591. Cut the model into more shards.", refused.Message);
        Assert.Empty(registry.All);
    }

    [Theory]
    [InlineData(2_147_483_591, 1, true, 2_147_483_591)]
    [InlineData(17, 3, true, 17 + 2 * 32)]
    [InlineData(17, 3, false, 17 * 3)]
    [InlineData(1_073_741_824, 2, true, 2_147_483_648)]
    public void Memory_OfAShard_HasSoManyFloats(long positions, int stride, bool isPlanar, long floats) => Assert.Equal(floats, ShardMemory.FloatsOf(positions, stride, isPlanar));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(ShardMemory.StripePositions + 1, 2)]
    [InlineData(2_147_483_591, 131_072)]
    public void Memory_OfAShard_HasSoManyStripes(long keys, int stripes) => Assert.Equal(stripes, ShardMemory.StripesOf(keys, ShardMemory.StripePositions));

    private static void Parallel(int threads, Action<int> body)
    {
        var failures = new Exception?[threads];
        Thread[] running = [.. Enumerable.Range(0, threads).Select(i => new Thread(() =>
        {
            try
            {
                body(i);
            }
            catch (Exception failure)
            {
                failures[i] = failure;
            }
        }))];
        foreach (Thread thread in running)
            thread.Start();
        foreach (Thread thread in running)
            Assert.True(thread.Join(TimeSpan.FromSeconds(60)), "a thread hangs");
        Assert.All(failures, Assert.Null);
    }
}
