using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Jobs;
using V1 = DistSgd.Protos.V1;

namespace DistSgd.Shared.Tests;

/// <summary>Jobs of tables only, as programs that aren't ours begin them.</summary>
public sealed class TableJobTests
{
    [Fact]
    public void TablesAndARate_AreEnough()
    {
        TrainingJob job = Spec().ToJob();
        Assert.Equal(OptimizerKind.Sgd, job.Rule.Optimizer);
        Assert.Equal(0.5, job.Rule.Schedule.Rate(1_000_000));
        Assert.Equal(21, job.KeyCount);
        Assert.Equal((1, 1), (job.Width, job.EntryFloats));
        Assert.Equal(["weights [0,20) True", "bias [20,21) False"], job.Tables.Select(table => $"{table.Name} [{table.Keys.First},{table.Keys.End}) {table.Regularized}"));
        Assert.NotNull(job.OwnLayout);
    }

    [Fact]
    public void Spec_GivenToConversion_IsNotChanged()
    {
        V1.JobSpec spec = Spec();
        spec.ToJob();
        Assert.Equal(Spec(), spec);
    }

    [Fact]
    public void WhatIsMissingOrWrong_IsNamed()
    {
        (string Says, Action<V1.JobSpec> Break)[] ways =
        [
            ("must begin at key 20, not 21", spec => spec.Tables[1].FirstKey = 21),
            ("at least one key", spec => spec.Tables[1].Count = 0),
            ("2^32 - 2", spec => spec.Tables[1].Count = uint.MaxValue),
            ("name of its own", spec => spec.Tables[1].Name = "weights"),
            ("rule.schedule, and so rule, must be set", spec => spec.Rule = null),
            ("rate must be positive", spec => spec.Rule.Schedule.Rate = 0),
            ("outputs", spec => spec.Outputs = 3),
            ("1 to 256 characters", spec => spec.Job = ""),
            ("none of them a control character", spec => spec.Job = "x\n\u001b[31m"),
            ("none of them a control character", spec => spec.Tables[0].Name = "a\u009b2J"),
            ("at most 1024 tables", spec => spec.Tables.Add(Enumerable.Range(0, 1024).Select(i => new V1.Table { Name = $"{i}", FirstKey = 21 + (ulong)i, Count = 1 }))),
            ("total_steps", spec => spec.Rule.Schedule.Kind = V1.ScheduleKind.Linear),
        ];
        foreach ((string says, Action<V1.JobSpec> destroy) in ways)
        {
            V1.JobSpec spec = Spec();
            destroy(spec);
            Assert.Contains(says, Assert.Throws<ArgumentException>(() => spec.ToJob()).Message, StringComparison.Ordinal);
        }
    }

    private static V1.JobSpec Spec() => new()
    {
        Job = "j",
        Rule = new V1.UpdateRule { Schedule = new V1.Schedule { Rate = 0.5 } },
        Tables = { new V1.Table { Name = "weights", Count = 20, Regularized = true }, new V1.Table { Name = "bias", FirstKey = 20, Count = 1 } },
    };
}
