using DistSgd.Learning.Data;
using DistSgd.Learning.Models;

namespace DistSgd.Trainer;

/// <summary>Which model the labels ask for.</summary>
internal static class TaskChoice
{
    public static (ModelKind Model, LabelMap Labels) Choose(Dataset data, ModelKind? asked) => throw new NotSupportedException();
}
