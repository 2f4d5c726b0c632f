using DistSgd.Learning.Optimizers;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;

namespace DistSgd.ParamServer.Tests.Shards;

public sealed class ShardAverageTests
{
    private const int Keys = 40;

    [Fact]
    public void Averages_OfRandomPushesOfListsAndRanges_AreTheMeansOfTheValuesAfterEachCountedPush()
    {
        foreach (int width in (int[])[1, 3])
        {
            const int from = 7, pushes = 60;
            TrainingJob job = Job(from, width);
            using var shard = new ParameterShard(job, 0, new Shared.Sharding.KeyRange(0, job.KeyCount));
            var random = new Random(5);
            var sums = new double[job.KeyCount * width];
            for (int push = 1; push <= pushes; push++)
            {
                uint[] list = [.. Enumerable.Range(0, (int)job.KeyCount).Where(_ => random.Next(5) == 0).Select(key => (uint)key)];
                ShardKeys keys = push % 9 == 0 ? ShardKeys.Range(0, (int)job.KeyCount) : ShardKeys.Of(list);
                float[] delta = [.. Enumerable.Range(0, keys.Count * width).Select(_ => (float)(random.NextDouble() - 0.5))];
                Assert.True(shard.Push(new PushHeader(new PushName(1, (ulong)push), PushKind.Delta, push - 1, 0, shard.Version), keys, delta));
                float[] values = Pull(shard, PullPart.Values);
                for (int i = 0; i < sums.Length && push >= from; i++)
                    sums[i] += values[i];
                float[] averages = Pull(shard, PullPart.Averages);
                for (int i = 0; i < sums.Length; i++)
                    Assert.Equal(push < from ? values[i] : sums[i] / (push - from + 1), averages[i], 1e-5);
            }
        }
    }

    [Fact]
    public void Averages_FromTheFirstStepOn_LeaveOutWhatTheTrainingBeginsWith()
    {
        TrainingJob job = Job(1, 1);
        using var shard = new ParameterShard(job, 0, new Shared.Sharding.KeyRange(0, job.KeyCount));
        shard.Push(new PushHeader(new PushName(PushName.Leader, 1), PushKind.Delta, 0, 0, 0), ShardKeys.Of([3, 5]), [8f, 8f]);
        Assert.Equal(Pull(shard, PullPart.Values), Pull(shard, PullPart.Averages));
        shard.Push(new PushHeader(new PushName(0, 1), PushKind.Delta, 0, 0, 1), ShardKeys.Of([3]), [2f]);
        shard.Push(new PushHeader(new PushName(0, 2), PushKind.Delta, 1, 0, 2), ShardKeys.Of([3]), [4f]);
        Assert.Equal((12f, 8f), (Pull(shard, PullPart.Averages)[3], Pull(shard, PullPart.Averages)[5]));
    }

    [Fact]
    public void Averages_OfAJobThatKeepsNone_AreItsValues()
    {
        TrainingJob job = Job(0, 1);
        using var shard = new ParameterShard(job, 0, new Shared.Sharding.KeyRange(0, job.KeyCount));
        shard.Push(new PushHeader(new PushName(1, 1), PushKind.Delta, 0, 0, 0), ShardKeys.Of([3]), [2f]);
        Assert.Equal(Pull(shard, PullPart.Values), Pull(shard, PullPart.Averages));
    }

    private static float[] Pull(ParameterShard shard, PullPart part)
    {
        var values = new float[shard.Range.Count * shard.Job.Width];
        shard.Pull(ShardKeys.Range(0, (int)shard.Range.Count), part, values);
        return values;
    }

    private static TrainingJob Job(long averageFrom, int width) => new()
    {
        Name = "job",
        Model = Learning.Models.ModelSpec.Of(width == 1 ? Learning.Models.ModelKind.Logistic : Learning.Models.ModelKind.Softmax, null, width),
        Rule = new UpdateRule { Optimizer = OptimizerKind.Sgd, Schedule = new Schedule(ScheduleKind.Constant, 0.1) },
        Features = Keys,
        Sparse = true,
        Epochs = 1,
        AverageFrom = averageFrom,
    };
}
