using DistSgd.Learning.Models;
using V1 = DistSgd.Protos.V1;

namespace DistSgd.Shared.Jobs;

/// <summary>
/// A job of tables only: parameters that a program of its own trains, with the update rule on the servers. Its message leaves out the model
/// and everything that workers would need.
/// </summary>
internal static class TableJob
{
    /// <summary>Most tables.</summary>
    public const int TablesMax = 1024;

    /// <summary>True for a message that names tables, and neither a model nor what a worker would train it on (a training job whose model was forgotten is refused as such).</summary>
    /// <param name="spec">The message.</param>
    public static bool Is(V1.JobSpec spec) => spec.Model == V1.ModelKind.Unspecified && spec.Tables.Count > 0 && spec.Features == 0 && spec.Epochs == 0;

    /// <summary>The same message with the fields that such a job leaves out.</summary>
    /// <param name="spec">The message; not changed.</param>
    /// <exception cref="ArgumentException">Tables that are no tables; the message names the field.</exception>
    public static V1.JobSpec Complete(V1.JobSpec spec)
    {
        V1.JobSpec whole = spec.Clone();
        whole.Model = V1.ModelKind.Linear;
        whole.Features = CheckTables(spec);
        (whole.Epochs, whole.Batch, whole.Partitions, whole.Outputs) = (1, 1, 1, 1);
        JobConversion.Require(spec.Outputs <= 1, "a key of a job of tables has one value; outputs must be 0 or 1");
        JobConversion.Require(whole.Rule?.Schedule is not null, "rule.schedule, and so rule, must be set");
        if (whole.Rule.Optimizer == V1.Optimizer.Unspecified)
            whole.Rule.Optimizer = V1.Optimizer.Sgd;
        if (whole.Rule.Schedule.Kind == V1.ScheduleKind.Unspecified)
            whole.Rule.Schedule.Kind = V1.ScheduleKind.Constant;
        if (whole.Rule.Schedule.Kind is not (V1.ScheduleKind.Cosine or V1.ScheduleKind.Linear))
            whole.Rule.Schedule.TotalSteps = Math.Max(1, whole.Rule.Schedule.TotalSteps);
        return whole;
    }

    /// <summary>Where the tables' keys lie.</summary>
    /// <param name="spec">The message.</param>
    public static ParameterLayout Layout(V1.JobSpec spec) =>
        new(1, [.. spec.Tables.Select(table => new LayoutTable(table.Name, (long)table.FirstKey, (long)table.Count, [(long)table.Count], table.Regularized))]);

    private static ulong CheckTables(V1.JobSpec spec)
    {
        JobConversion.Require(spec.Tables.Count <= TablesMax, $"there must be at most {TablesMax} tables");
        var names = new HashSet<string>(StringComparer.Ordinal);
        ulong next = 0;
        foreach (V1.Table table in spec.Tables)
        {
            JobConversion.Require(JobConversion.IsName(table.Name) && names.Add(table.Name), "each table must have a name of its own of 1 to 256 characters, none of them a control character");
            JobConversion.Require(table.FirstKey == next, $"tables must cover the keys without gaps: table '{table.Name}' must begin at key {next}, not {table.FirstKey}");
            JobConversion.Require(table.Count > 0 && table.Count < uint.MaxValue - next, $"table '{table.Name}' must have at least one key, and all together at most 2^32 - 2");
            next += table.Count;
        }
        return next;
    }
}
