using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Tests.Shards;

/// <summary>A key's state is all that a shard keeps of it: one that takes it over goes on as the one that gave it would.</summary>
public sealed class ShardStateTests
{
    private const int Features = 40;
    private const int PushesBefore = 9;
    private const int PushesAfter = 6;

    [Fact]
    public void States_TakenOverByShardsCutElsewhere_GoOnBitForBit()
    {
        foreach (TrainingJob job in Ways())
        {
            using var whole = new ParameterShard(job, 0, new KeyRange(0, job.KeyCount));
            Push(job, [whole], 1, PushesBefore);
            float[] states = Pull(whole, PullPart.State);
            TrainingJob later = job with { StepsBefore = PushesBefore };
            const int cut = 17;
            using ParameterShard low = new(later, 0, new KeyRange(0, cut)), high = new(later, 1, new KeyRange(cut, job.KeyCount - cut));
            foreach (ParameterShard shard in (ParameterShard[])[low, high])
            {
                int first = (int)shard.Range.First, count = (int)shard.Range.Count, stride = job.KeyFloats.State;
                shard.Push(new PushHeader(new PushName(9, 1), PushKind.State, 0, 0, 0), ShardKeys.Range(0, count), states.AsSpan(first * stride, count * stride));
            }
            Assert.Equal(states, Pull(low, PullPart.State).Concat(Pull(high, PullPart.State)));
            Push(job, [whole], PushesBefore + 1, PushesAfter);
            Push(job, [low, high], PushesBefore + 1, PushesAfter);
            foreach (PullPart part in Enum.GetValues<PullPart>())
                Assert.Equal(Pull(whole, part), Pull(low, part).Concat(Pull(high, part)));
        }
    }

    [Fact]
    public void State_OfAList_IsThatOfItsKeys_AndAPushOfOneIsRefused()
    {
        foreach (TrainingJob job in Ways())
        {
            using var shard = new ParameterShard(job, 0, new KeyRange(0, job.KeyCount));
            Push(job, [shard], 1, PushesBefore);
            int stride = job.KeyFloats.State;
            float[] all = Pull(shard, PullPart.State), some = new float[3 * stride];
            shard.Pull(ShardKeys.Of([2, 3, 30]), PullPart.State, some);
            Assert.Equal([.. all.AsSpan(2 * stride, 2 * stride), .. all.AsSpan(30 * stride, stride)], some);
            ParameterException refused = Assert.Throws<ParameterException>(() => shard.Push(new PushHeader(new PushName(9, 1), PushKind.State, 0, 0, 0), ShardKeys.Of([2, 3, 30]), some));
            Assert.Contains(job.SnapshotEvery > 0 ? "whole ranges" : "ranges of keys", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Memory_WithAveragesOrASnapshot_IsThatOfTheStates_AndLessThan200Bytes()
    {
        foreach (TrainingJob job in Ways().Select(job => job with { Features = 40_000 }))
        {
            using var shard = new ParameterShard(job, 0, new KeyRange(0, job.KeyCount));
            Assert.InRange(shard.Bytes - job.KeyCount * job.KeyFloats.State * sizeof(float), 0, 200);
        }
    }

    private static IEnumerable<TrainingJob> Ways()
    {
        foreach (bool planar in (bool[])[false, true])
        {
            TrainingJob adam = Jobs.Make(Features, OptimizerKind.Adam, sparse: false, l1: 1e-3, l2: 1e-2, rate: 0.1) with { LocalSteps = planar ? 0 : 4 };
            yield return adam;
            yield return adam with { AverageFrom = 4 };
            yield return adam with { AverageFrom = 4, Model = ModelSpec.Of(ModelKind.Softmax, outputs: 3) };
        }
        yield return Jobs.Make(Features, OptimizerKind.Sgd, sparse: false, l1: 0, l2: 1e-2, rate: 0.1) with { SnapshotEvery = 2, LocalSteps = 4 };
    }

    // The same numbers, however the keys are cut.
    private static void Push(TrainingJob job, ParameterShard[] shards, int first, int pushes)
    {
        for (int push = first; push < first + pushes; push++)
        {
            PushKind kind = job.LocalSteps == 0 || (job.SnapshotEvery > 0 && push % 3 == 0) ? PushKind.Gradient : PushKind.Delta;
            int stride = job.KeyFloats.Of(kind);
            var random = new Random(push);
            float[] values = [.. Enumerable.Range(0, (int)job.KeyCount * stride).Select(_ => random.NextSingle())];
            foreach (ParameterShard shard in shards)
                shard.Push(new PushHeader(new PushName(1, (ulong)push), kind, push - 1, 0.1, shard.Version), ShardKeys.Range(0, (int)shard.Range.Count), values.AsSpan((int)shard.Range.First * stride, (int)shard.Range.Count * stride));
        }
    }

    private static float[] Pull(ParameterShard shard, PullPart part)
    {
        var packed = new float[shard.Range.Count * shard.Floats.Of(part)];
        shard.Pull(ShardKeys.Range(0, (int)shard.Range.Count), part, packed);
        return packed;
    }
}
