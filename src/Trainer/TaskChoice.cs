using DistSgd.Learning.Data;
using DistSgd.Learning.Models;

namespace DistSgd.Trainer;

/// <summary>Which model the labels ask for, and how they are mapped.</summary>
internal static class TaskChoice
{
    /// <exception cref="LabelException">The labels don't fit the model that was asked for, or fit none.</exception>
    public static (ModelKind Model, LabelMap Labels) Choose(Dataset data, ModelKind? asked)
    {
        ModelKind model = asked ?? (TaskDetection.Detect(data.Labels) == LearningTask.Regression ? ModelKind.Linear : ModelKind.Logistic);
        return (model, model == ModelKind.Linear ? LabelMap.Identity : LabelMap.ForClassification(data.Labels));
    }
}
