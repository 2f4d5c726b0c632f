using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Reflection.V1;

namespace Grpc.Reflection;

/// <summary>Answers the questions of reflection, whatever the protocol's version. Immutable.</summary>
internal sealed class ReflectionAnswers(IEnumerable<string> services, SymbolRegistry registry)
{
    private readonly IReadOnlyList<string> _services = [.. services.Order(StringComparer.Ordinal)];

    public static ReflectionAnswers Of(IEnumerable<ServiceDescriptor> services)
    {
        ArgumentNullException.ThrowIfNull(services);
        var list = services.ToList();
        return new ReflectionAnswers(list.Select(service => service.FullName), SymbolRegistry.FromFiles(list.Select(service => service.File)));
    }

    public ServerReflectionResponse Answer(ServerReflectionRequest request)
    {
        var response = new ServerReflectionResponse { ValidHost = request.Host, OriginalRequest = request };
        switch (request.MessageRequestCase)
        {
            case ServerReflectionRequest.MessageRequestOneofCase.FileByFilename:
                SetFile(response, registry.FileByName(request.FileByFilename), $"file '{request.FileByFilename}'");
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.FileContainingSymbol:
                SetFile(response, registry.FileContainingSymbol(request.FileContainingSymbol), $"symbol '{request.FileContainingSymbol}'");
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.FileContainingExtension:
                var extension = request.FileContainingExtension;
                SetFile(
                    response,
                    registry.FileContainingExtension(extension.ContainingType, extension.ExtensionNumber),
                    $"extension {extension.ExtensionNumber} of '{extension.ContainingType}'");
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.AllExtensionNumbersOfType:
                SetExtensions(response, request.AllExtensionNumbersOfType);
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.ListServices:
                response.ListServicesResponse = new ListServiceResponse { Service = { _services.Select(name => new ServiceResponse { Name = name }) } };
                break;
            default:
                SetError(response, StatusCode.Unimplemented, "The request asks for nothing that this server knows how to answer.");
                break;
        }
        return response;
    }

    private static void SetFile(ServerReflectionResponse response, FileDescriptor? file, string what)
    {
        if (file is null)
        {
            SetError(response, StatusCode.NotFound, $"This server has no {what}.");
            return;
        }
        var answer = new FileDescriptorResponse();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        AddWithImports(file);
        response.FileDescriptorResponse = answer;

        void AddWithImports(FileDescriptor next)
        {
            if (!seen.Add(next.Name))
                return;
            answer.FileDescriptorProto.Add(next.SerializedData);
            foreach (var imported in next.Dependencies)
                AddWithImports(imported);
        }
    }

    private void SetExtensions(ServerReflectionResponse response, string type)
    {
        if (registry.ExtensionNumbers(type) is { } numbers)
            response.AllExtensionNumbersResponse = new ExtensionNumberResponse { BaseTypeName = type, ExtensionNumber = { numbers } };
        else
            SetError(response, StatusCode.NotFound, $"This server has no message '{type}'.");
    }

    private static void SetError(ServerReflectionResponse response, StatusCode code, string message) =>
        response.ErrorResponse = new ErrorResponse { ErrorCode = (int)code, ErrorMessage = message };
}
