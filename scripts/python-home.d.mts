export declare const environments: { readonly 'requirements.txt': string; readonly 'tom-requirements.txt': string }
export declare function pythonHome(requirements?: keyof typeof environments): string
export declare function stampOf(home: string): string | null
