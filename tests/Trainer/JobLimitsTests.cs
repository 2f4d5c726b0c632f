using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Jobs;

namespace DistSgd.Trainer.Tests;

/// <summary>What a job takes is known before it begins.</summary>
public sealed class JobLimitsTests
{
    private const long GiB = 1L << 30;

    // 10 M features of a linear model with AdaGrad: 2 floats an entry, so 80 MB a range.
    private const long Features = 10_000_000;

    [Theory]
    [InlineData(true, 1, GiB / 20, "")]
    [InlineData(true, 2, GiB / 30, "make a model of 10,000,001 numbers; expected at most 8,947,848")]
    // The shards, what is read at the end, and three ranges a thread: 90 M floats, and 60 M for another thread.
    [InlineData(false, 1, 400_000_000, "")]
    [InlineData(false, 2, 400_000_000, "by 2 threads, take 150,000,015 numbers; expected at most 100,000,000")]
    [InlineData(false, 2, 700_000_000, "")]
    // Other processes hold all but what is read.
    [InlineData(false, 0, 50_000_000, "")]
    public void Job_ThatFitsNoMemory_IsRefused(bool sparse, int threads, long memory, string says) => Check(Job(Features, sparse), threads, memory, says);

    [Fact]
    public void Ranges_BeyondWhatAMessageCountsTo_AreRefused_AndListsAreNot()
    {
        Check(Job(1_200_000_000, false), 0, 100 * GiB, "exchanged as ranges of 2,400,000,002 numbers; expected at most 2,147,483,591; --exchange sparse");
        Check(Job(1_200_000_000, true), 0, 100 * GiB, "");
    }

    private static void Check(TrainingJob job, int threads, long memory, string says)
    {
        using var rows = new DatasetBuilder();
        rows.Add(1, [0], [1]);
        using Dataset data = rows.Build();
        Exception? refused = Record.Exception(() => JobLimits.Check(job, data, threads, false, memory));
        if (says.Length == 0)
            Assert.Null(refused);
        else
            Assert.Contains(says, Assert.IsType<TrainingException>(refused).Message, StringComparison.Ordinal);
    }

    private static TrainingJob Job(long features, bool sparse) => new()
    {
        Name = "limits",
        Model = ModelKind.Logistic,
        Rule = new UpdateRule { Optimizer = OptimizerKind.AdaGrad, Schedule = new Schedule(ScheduleKind.Constant, 0.1) },
        Features = features,
        Sparse = sparse,
        Epochs = 1,
        Batch = 1,
        LocalSteps = 10,
        Seed = 1,
    };
}
